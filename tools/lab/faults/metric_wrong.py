# SPDX-License-Identifier: Apache-2.0
"""A wire of which batman-adv believes that it is slow: traffic takes another way, or the long one."""

from tools.lab.faults.base import Fault, Operation, Target, device, run
from tools.lab.nodeconfig import WIRE_KBIT


def _say(target: Target, kbit: int) -> list[Operation]:
    return [run(target, "batctl", "hardif", device(target), "throughput_override", f"{kbit}kbit")]


FAULT = Fault(
    id="metric-wrong",
    what="batman-adv in --node is told 1 Mbit/s for the wire towards --peer (without --peer: its first)",
    peer=False,
    inject=lambda target: _say(target, 1000),
    clear=lambda target: _say(target, WIRE_KBIT),
)
