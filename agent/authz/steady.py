# SPDX-License-Identifier: Apache-2.0
"""For who asks the same over and over, on every tick: counted when the answer is another, not each time."""

from __future__ import annotations

from typing import Final

from agent.authz.authoriser import Authoriser
from agent.authz.decision import Decision
from agent.authz.subject import Subject

ASKED_MAX: Final = 128  # questions remembered; 30 remedies in three reaches, each asked about when it is due


class Steady:
    """`all_changes` False: only refusals are counted here, as what is allowed is counted when it is done."""

    def __init__(self, authoriser: Authoriser, *, all_changes: bool = True) -> None:
        self._authoriser, self._all = authoriser, all_changes
        self._last: dict[tuple[str, str, str], tuple[bool, str]] = {}

    def ask(self, subject: Subject, action: str, resource: str) -> Decision:
        """As Authoriser.decide."""
        decision = self._authoriser.look(subject, action, resource)
        key, now = (str(subject), action, resource), (decision.allowed, decision.label)
        if self._last.get(key) != now:
            if len(self._last) >= ASKED_MAX:
                self._last.clear()
            self._last[key] = now
            if self._all or not decision.allowed:
                self._authoriser.note(decision)
        return decision
