# SPDX-License-Identifier: Apache-2.0
"""A link that gets worse: water in a plug, a tree that grows, an antenna that turns."""

from tools.lab.faults.base import Fault, Operation, Target, calm, weather

STEP_PERCENT = 1.0
STEP_S = 10.0
WORST_PERCENT = 60.0


def loss_percent(seconds: float) -> float:
    """Return the loss in each direction so long after the injection."""
    return min(WORST_PERCENT, STEP_PERCENT * (1 + seconds // STEP_S))


def _inject(target: Target) -> list[Operation]:
    steps = [(STEP_PERCENT * number, STEP_S) for number in range(1, round(WORST_PERCENT / STEP_PERCENT) + 1)]
    return [weather(number, *steps) for number, _ in target.links()]


FAULT = Fault(
    id="link-fading",
    what="every wire between --node and --peer loses 1 % of the packets, and 1 % more every 10 s",
    peer=True,
    inject=_inject,
    clear=calm,
)
