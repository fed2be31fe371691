# SPDX-License-Identifier: Apache-2.0
"""A hot node: a thermal zone of our own stands in for the machine's, for an emulated one has none.

The file HEAT holds its temperature in thousandths of a degree; a test writes to it to let the node cool.
"""

from tools.lab.faults.base import Fault, run

ZONES = "/sys/class/thermal"
OURS = "/tmp/x0-heat"  # in the machine
HEAT = f"{OURS}/thermal_zone0/temp"
MAKE = f"""\
set -e
mkdir -p {OURS}/thermal_zone0
echo cpu-thermal >{OURS}/thermal_zone0/type
echo 86000 >{HEAT}
mountpoint -q {ZONES} || mount --bind {OURS} {ZONES}
"""
# the agent sees it cool before the zone vanishes: it looks every 5 s, or every 10 s while it rests
TAKE_BACK = f"! mountpoint -q {ZONES} || {{ echo 40000 >{HEAT}; sleep 12; umount -l {ZONES}; }}"

FAULT = Fault(
    id="thermal",
    what="--node sees a thermal zone at 86 degrees, a file that stands in for a sensor",
    peer=False,
    inject=lambda target: [run(target, "sh", "-c", MAKE)],
    clear=lambda target: [run(target, "sh", "-c", TAKE_BACK)],
)
