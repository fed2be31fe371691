# SPDX-License-Identifier: Apache-2.0
"""A neighbour table that is too small: 32 IPv4 neighbours fit, two hundred are asked for.

The node must be a machine: the table's limits are not per namespace.
"""

from tools.lab.faults.base import Fault, run

LIMITS = "/proc/sys/net/ipv4/neigh/default/gc_thresh"
PID = "/run/x0-lab/neigh.pid"
SEND = """\
import os, socket, sys, time
open(sys.argv[1], "w").write(str(os.getpid()))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    for last in range(40, 240):
        try:
            sock.sendto(b"x0", (f"10.77.0.{last}", 9))
        except OSError:
            pass
        time.sleep(0.02)
"""
MAKE = f"""\
set -e
echo 8 >{LIMITS}1; echo 16 >{LIMITS}2; echo 32 >{LIMITS}3
setsid -f python3 -S -c "$1" {PID} >/dev/null 2>&1
"""
# Other limits than any the agent sets, so that its undo leaves them: what it would put back is our fault.
TAKE_BACK = f"""\
[ ! -e {PID} ] || kill $(cat {PID}); rm -f {PID}
echo 1200 >{LIMITS}3; echo 600 >{LIMITS}2; echo 128 >{LIMITS}1
ip -4 neigh flush dev bat0 nud all >/dev/null 2>&1; true
"""

FAULT = Fault(
    id="neigh-overflow",
    what="in --node, a machine of its own, 32 IPv4 neighbours fit and 200 are asked for",
    peer=False,
    inject=lambda target: [run(target, "sh", "-c", MAKE, "sh", SEND)],
    clear=lambda target: [run(target, "sh", "-c", TAKE_BACK)],
)
