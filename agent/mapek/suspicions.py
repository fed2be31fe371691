# SPDX-License-Identifier: Apache-2.0
"""Which suspicions are new: each is said once while its signs go on."""

from __future__ import annotations

from agent.events import Suspicion
from agent.mapek.tick import Emit

SUSPICION_QUIET = 5.0  # s without a sign after which a suspicion is new again
MAX_SUSPICIONS = 256  # remembered, so that a flood of them is bounded


class Suspicions:
    """Remembers when each was last seen."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._seen: dict[tuple[str, str], float] = {}

    def fresh(self, suspicions: list[Suspicion], now: float) -> list[Suspicion]:
        """Those of this tick that are new."""
        fresh = []
        for suspicion in suspicions[:MAX_SUSPICIONS]:
            key = (suspicion.fault, suspicion.subject)
            if now - self._seen.pop(key, -SUSPICION_QUIET - 1.0 + now) > SUSPICION_QUIET:
                fresh.append(suspicion)
                self._emit("suspicion", suspicion.why, {"fault": key[0], "subject": key[1]})
            self._seen[key] = now
        while len(self._seen) > MAX_SUSPICIONS:
            del self._seen[next(iter(self._seen))]
        return fresh
