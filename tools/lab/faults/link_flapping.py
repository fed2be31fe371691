# SPDX-License-Identifier: Apache-2.0
"""A link that comes and goes: a loose plug, a mast in the wind."""

from tools.lab.faults.base import Fault, Operation, Target, calm, weather

DOWN_S = UP_S = 3.0


def _inject(target: Target) -> list[Operation]:
    return [weather(number, (100.0, DOWN_S), (0.0, UP_S), repeat=True) for number, _ in target.links()]


FAULT = Fault(
    id="link-flapping",
    what="every wire between --node and --peer loses everything for 3 s and nothing for 3 s, in turn",
    peer=True,
    inject=_inject,
    clear=calm,
)
