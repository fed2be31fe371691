# SPDX-License-Identifier: Apache-2.0
"""A lossy link: three of ten packets are lost in each direction."""

from tools.lab.faults.base import Fault, Operation, Target, calm, weather

LOSS_PERCENT = 30.0
ALWAYS_S = 3600.0  # the last step stays


def _inject(target: Target) -> list[Operation]:
    return [weather(number, (LOSS_PERCENT, ALWAYS_S)) for number, _ in target.links()]


FAULT = Fault(
    id="link-lossy",
    what="every wire between --node and --peer loses 30 % of the packets in each direction",
    peer=True,
    inject=_inject,
    clear=calm,
)
