# SPDX-License-Identifier: Apache-2.0
"""What is open by a decision, asked again when rights may have changed, and cut where they are gone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from agent.authz.decision import Decision
from agent.authz.errors import AuthzError
from agent.authz.subject import Subject

WATCHED_MAX: Final = 1024  # open things: 16 streams of the page, and some channels of each neighbour

Cut = Callable[[Decision], None]  # ends what was open; must not block

log = logging.getLogger("x0.authz")


class Watch:
    """One open thing. `close` when it has ended by itself; more than once does nothing."""

    __slots__ = ("_close", "action", "address", "cut", "resource", "subject")

    def __init__(
        self,
        subject: Subject,
        action: str,
        resource: str,
        address: str,
        cut: Cut,
        close: Callable[[Watch], None],
    ) -> None:
        self.subject, self.action, self.resource, self.address = subject, action, resource, address
        self.cut, self._close = cut, close

    def close(self) -> None:
        """It is over."""
        self._close(self)


class Watching:
    """Event loop only. `decide` is asked anew for each."""

    def __init__(self, decide: Callable[[Subject, str, str, str], Decision]) -> None:
        self._decide = decide
        self._open: dict[Watch, None] = {}
        self.cut = 0  # since the start

    def __len__(self) -> int:
        return len(self._open)

    def add(self, subject: Subject, action: str, resource: str, address: str, cut: Cut) -> Watch:
        """AuthzError where too much is open: what cannot be watched must not be opened."""
        if len(self._open) >= WATCHED_MAX:
            raise AuthzError(
                f"{WATCHED_MAX} things are open already, no more can be watched", "close some of them"
            )
        watch = Watch(subject, action, resource, address, cut, self._forget)
        self._open[watch] = None
        return watch

    def look(self) -> int:
        """Ask again about all; how many were cut. One whose cut fails is said, the others are cut."""
        ended = 0
        for watch in tuple(self._open):
            decision = self._decide(watch.subject, watch.action, watch.resource, watch.address)
            if decision.allowed or watch not in self._open:  # another's cut may have ended it
                continue
            self._forget(watch)
            ended += 1
            log.info(
                "cut: %s", decision.sentence, extra={"event": "authz-cut", "fields": {"rule": decision.label}}
            )
            try:
                watch.cut(decision)
            except Exception:
                log.exception("what is no longer allowed could not be cut", extra={"event": "authz-uncut"})
        self.cut += ended
        return ended

    def _forget(self, watch: Watch) -> None:
        self._open.pop(watch, None)
