# SPDX-License-Identifier: Apache-2.0
"""A radio whose network interface is gone while the radio itself is there."""

from tools.lab.faults.base import Fault, Operation, Target, run

AGAIN = (
    "iw dev wlan0 info >/dev/null 2>&1 || "
    "iw phy \"$(iw phy | awk '/^Wiphy/ {print $2; exit}')\" interface add wlan0 type managed"
)


def _again(target: Target) -> list[Operation]:
    # an agent may have mended it meanwhile: then there is nothing to do
    return [run(target, "sh", "-c", AGAIN)]


FAULT = Fault(
    id="radio-missing",
    what="the interface wlan0 of --node is removed (`iw dev wlan0 del`), its radio stays",
    peer=False,
    inject=lambda target: [run(target, "iw", "dev", "wlan0", "del")],
    clear=_again,
)
