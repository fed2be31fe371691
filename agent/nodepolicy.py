# SPDX-License-Identifier: Apache-2.0
"""What the node asks the authorisation beside its loop: what it does to the mesh, whom it listens to."""

from __future__ import annotations

from collections.abc import Callable

from agent.authz.authoriser import Authoriser
from agent.authz.steady import Steady
from agent.authz.subject import HINT, SELF
from agent.herald import Hasten


class NodePolicy:
    """`authoriser` is the one of the whole node."""

    def __init__(self, authoriser: Authoriser) -> None:
        self.authoriser = authoriser
        self._steady = Steady(authoriser)

    def may(self, what: str, closed: Callable[[], str]) -> Callable[[], str]:
        """`closed()`, or why the policy keeps the node from it; asked again and again."""

        def judge() -> str:
            if why := closed():
                return why
            decision = self._steady.ask(SELF, "mesh.act", what)
            return "" if decision.allowed else decision.sentence

        return judge

    def hastening(self, hasten: Hasten) -> Hasten:
        """`hasten` where it is allowed: `foreign`, on a neighbour's word, is another one's wish."""

        def ask(why: str, *, foreign: bool = False) -> bool:
            asked = self.authoriser.decide(HINT if foreign else SELF, "mesh.act", "hasten-ogms")
            return asked.allowed and hasten(why, foreign=foreign)

        return ask

    def takes(self, word: str) -> bool:
        """Is this word of a neighbour (hello/NEWS, report/KIND) listened to?"""
        return self.authoriser.decide(HINT, "hint.take", word).allowed
