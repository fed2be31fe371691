# SPDX-License-Identifier: Apache-2.0
"""What the loop tells and asks others, and the fence that keeps their mistakes from stopping it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence

from agent.events import Diagnosis, Outcome, Remedy, Snapshot, Suspicion

MAX_ERRORS_LOGGED = 5  # of one kind; the count goes on

_log = logging.getLogger("agent.mapek")


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What the loop tells others; none of them may block."""

    probe: Callable[[str, str], None] = lambda hardif, mac: None  # ask this neighbour by ICMPv6 echo
    meet: Callable[[Sequence[tuple[str, str]]], None] = lambda neighbours: None  # these are well now
    suspect: Callable[[Suspicion], None] = lambda suspicion: None  # a new suspicion: announce it
    intend: Callable[[Diagnosis, Remedy], None] = lambda diagnosis, remedy: None  # before an act
    withdraw: Callable[[str], None] = lambda diagnosis: None  # an intended act was not begun
    settle: Callable[[Outcome], None] = lambda outcome: None
    tick: Callable[[Snapshot], None] = lambda snapshot: None  # the loop is alive: watchdog, page
    setup_done: Callable[[], bool] = lambda: True  # the configured mesh stands


class Fence:
    """Calls the hooks and counts what fails, `errors`: where > (how often, the last one)."""

    def __init__(self) -> None:
        self.errors: dict[str, tuple[int, str]] = {}

    def tell(self, hook: Callable[..., None], *values: object) -> None:
        """Calls the hook."""
        try:
            hook(*values)
        except Exception as error:  # noqa: BLE001 - who listens must not stop the loop
            self.failed("hook", error)

    def ask(self, hook: Callable[[], bool]) -> bool:
        """The hook's answer."""
        try:
            return hook()
        except Exception as error:  # noqa: BLE001 - as above; an answer that fails is a no
            self.failed("hook", error)
            return False

    def failed(self, where: str, error: Exception) -> None:
        """Our own code failed here."""
        count = self.errors.get(where, (0, ""))[0] + 1
        self.errors[where] = (count, f"{type(error).__name__}: {error}")
        if count <= MAX_ERRORS_LOGGED:
            _log.error(
                "%s failed in its own code, the loop goes on",
                where,
                exc_info=error,
                extra={"event": "loop-error", "fields": {"where": where, "count": count}},
            )
