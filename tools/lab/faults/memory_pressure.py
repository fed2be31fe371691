# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out: the node's broker is given messages to retain until hardly any is left.

The node must be a machine: memory is not per namespace.
"""

from tools.lab.faults.base import Fault, run

LEFT_PERCENT = 4  # of the memory stays available: less, and the kernel may kill the lab's own server
LARGE, SMALL = 8_388_608, 2_097_152  # bytes of a message, the small ones where little is left
EAT = f"""\
set -e
set -- $(awk '/MemTotal|MemAvailable/ {{print $2}}' /proc/meminfo)
total=$1 n=0
while [ $n -lt 400 ]; do
    left=$(awk '/MemAvailable/ {{print $2}}' /proc/meminfo)
    [ $((left * 100)) -gt $((total * {LEFT_PERCENT})) ] || exit 0
    size={LARGE}; [ $((left * 100)) -gt $((total * 12)) ] || size={SMALL}
    head -c $size /dev/zero | mosquitto_pub -h 127.0.0.1 -t x0/hog/$n -r -s
    n=$((n + 1))
done
echo "the broker does not keep what it is given" >&2; exit 1
"""
# a broker that was restarted has forgotten them
FORGET = "mosquitto_sub -h 127.0.0.1 -t 'x0/hog/#' --remove-retained -W 3 >/dev/null 2>&1; true"

FAULT = Fault(
    id="memory-pressure",
    what=f"the broker of --node, a machine of its own, retains messages until {LEFT_PERCENT} percent is left",
    peer=False,
    inject=lambda target: [run(target, "sh", "-c", EAT)],
    clear=lambda target: [run(target, "sh", "-c", FORGET)],
)
