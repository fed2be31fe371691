# SPDX-License-Identifier: Apache-2.0
"""Decisions counted, and the newest refusals remembered: bounded, whoever asks."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from agent.authz.decision import Decision

COUNTED_MAX: Final = 512  # series; 12 actions, 8 kinds, 90 rules make about 100 in a policy of 64 rules
REFUSED_MAX: Final = 32  # refusals remembered, each once: what a person looks at
OTHER: Final = "other"  # rule of what came when all series were taken

Labels = tuple[tuple[str, str], ...]


class Refused(msgspec.Struct):
    """A refusal and how often it came; `last` is Unix time."""

    decision: Decision
    count: int
    last: float


class Tally:
    """Event loop only."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, bool, str], int] = {}
        self._refused: dict[tuple[str, str, str], Refused] = {}
        self._order: deque[tuple[str, str, str]] = deque()

    def count(self, decision: Decision, wall: float) -> None:
        """One more."""
        kind, action = decision.subject.kind, decision.action
        key = (action, kind, decision.allowed, decision.label)
        if key not in self._counts and len(self._counts) >= COUNTED_MAX:
            key = (OTHER, OTHER, decision.allowed, OTHER)
        self._counts[key] = self._counts.get(key, 0) + 1
        if not decision.allowed:
            self._remember(decision, wall)

    def series(self) -> dict[Labels, float | int | None]:
        """For the metrics."""
        return {
            (
                ("action", action),
                ("subject", kind),
                ("verdict", "allow" if allowed else "deny"),
                ("rule", label),
            ): count
            for (action, kind, allowed, label), count in self._counts.items()
        }

    def refusals(self) -> tuple[Refused, ...]:
        """The newest, newest first."""
        return tuple(sorted(self._refused.values(), key=lambda one: -one.last))

    def _remember(self, decision: Decision, wall: float) -> None:
        key = (str(decision.subject), decision.action, decision.resource)
        known = self._refused.get(key)
        if known is not None:
            known.decision, known.count, known.last = decision, known.count + 1, wall
            return
        if len(self._order) >= REFUSED_MAX:
            del self._refused[self._order.popleft()]
        self._refused[key] = Refused(decision, 1, wall)
        self._order.append(key)
