# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out: the node's broker is given messages to retain until hardly any is left.

The node must be a machine: memory is not per namespace.
"""

from tools.lab.faults.base import Fault, run

LEFT = (
    42  # thousandths of the memory stay available: clearly short of the 50 that count, and the lab still runs
)
PID = "/run/x0-lab/memory.pid"
# It goes on beside the injection, for an emulated machine takes a minute. What is on its way takes three
# times its size, so messages get smaller. A broker that was restarted was healed: then it ends.
EAT = f"""\
echo $$ >{PID}
total=$(awk '/MemTotal/ {{print $2}}' /proc/meminfo) broker=$(pidof mosquitto) n=0
while [ $n -lt 200 ] && [ "$(pidof mosquitto)" = "$broker" ]; do
    left=$(awk '/MemAvailable/ {{print $2}}' /proc/meminfo)
    [ $((left * 1000)) -gt $((total * {LEFT})) ] || break
    size=4000000
    [ $((left * 100)) -lt $((total * 20)) ] || size=8000000
    [ $((left * 100)) -lt $((total * 40)) ] || size=32000000
    head -c $size /dev/zero | mosquitto_pub -h 127.0.0.1 -t x0/hog/$n -r -s
    n=$((n + 1))
done
rm -f {PID}
"""
START = 'pidof mosquitto >/dev/null && setsid -f sh -c "$1" >/dev/null 2>&1'
FORGET = f"""\
[ ! -e {PID} ] || kill $(cat {PID}); rm -f {PID}
mosquitto_sub -h 127.0.0.1 -t 'x0/hog/#' --remove-retained -W 3 >/dev/null 2>&1; true
"""

FAULT = Fault(
    id="memory-pressure",
    what=f"the broker of --node, a machine of its own, retains messages until {LEFT} thousandths are left",
    peer=False,
    inject=lambda target: [run(target, "sh", "-c", START, "sh", EAT)],
    clear=lambda target: [run(target, "sh", "-c", FORGET)],
)
