# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out: the node's broker is given messages to retain until hardly any is left.

The node must be a machine: memory is not per namespace.
"""

from tools.lab.faults.base import Fault, run

LEFT = 47  # thousandths of the memory stay available: with less the lab's own server would hardly run
# sizes of a message: what is on its way takes three times as much
EAT = f"""\
set -e
set -- $(awk '/MemTotal/ {{print $2}}' /proc/meminfo)
total=$1 n=0
while [ $n -lt 200 ]; do
    left=$(awk '/MemAvailable/ {{print $2}}' /proc/meminfo)
    [ $((left * 1000)) -gt $((total * {LEFT})) ] || exit 0
    size=4000000
    [ $((left * 100)) -lt $((total * 20)) ] || size=8000000
    [ $((left * 100)) -lt $((total * 40)) ] || size=32000000
    # a broker that was restarted meanwhile was healed already
    head -c $size /dev/zero | mosquitto_pub -h 127.0.0.1 -t x0/hog/$n -r -s || exit 0
    n=$((n + 1))
done
echo "the broker does not keep what it is given" >&2; exit 1
"""
# a broker that was restarted has forgotten them
FORGET = "mosquitto_sub -h 127.0.0.1 -t 'x0/hog/#' --remove-retained -W 3 >/dev/null 2>&1; true"

FAULT = Fault(
    id="memory-pressure",
    what=f"the broker of --node, a machine of its own, retains messages until {LEFT} thousandths are left",
    peer=False,
    inject=lambda target: [run(target, "sh", "-c", EAT)],
    clear=lambda target: [run(target, "sh", "-c", FORGET)],
)
