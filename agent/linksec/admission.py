# SPDX-License-Identifier: Apache-2.0
"""Who may begin a handshake with us now, pure: rates and half-open connections, per source and together.

A source that authenticated before draws on a share of its own, so that a flood from many addresses, which
cost a sender nothing, does not keep neighbours out.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Final

from agent.hello.limits import SourceLimits

RATE, BURST = 0.5, 4.0  # handshakes a second of one source: a neighbour that restarts needs two
TOTAL_RATE, TOTAL_BURST = 10.0, 20.0  # of all strangers: 1.5 % of a core here, a tenth of a small board's
KNOWN_RATE, KNOWN_BURST = 10.0, 48.0  # of all that authenticated before: a full cell that begins anew at once
MAX_HALF_OPEN: Final = 16  # strangers' connections without a finished handshake, 80 KB each
MAX_HALF_OPEN_SOURCE: Final = 2
MAX_HALF_OPEN_KNOWN: Final = 16  # beside the strangers'
MAX_KNOWN: Final = 64  # addresses remembered; the one longest unused goes


class Admission:
    """Half-open connections are named by a number of the caller's; `per_source`: at most so many of one."""

    def __init__(self, rng: random.Random, per_source: int = MAX_HALF_OPEN_SOURCE) -> None:
        self._rng, self._per_source = rng, per_source
        self._strangers = SourceLimits(RATE, BURST, TOTAL_RATE, TOTAL_BURST)
        self._each_known = SourceLimits(RATE, BURST, KNOWN_RATE, KNOWN_BURST)
        self._open: dict[int, str] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self.refused = 0
        self.displaced = 0

    @property
    def half_open(self) -> int:
        """How many are under way."""
        return len(self._open)

    def ask(self, number: int, source: str, now: float) -> tuple[bool, int | None]:
        """(may it begin, which one must be closed for it).

        Where strangers fill their share one of them at random makes room: whoever is quick gets through
        with fair odds, while a flood that never finishes only displaces itself.
        """
        known = source in self._known
        mine = sum(1 for other in self._open.values() if other == source)
        limits = self._each_known if known else self._strangers
        if mine >= self._per_source or not limits.take(source, now):
            self.refused += 1
            return False, None
        group = [n for n, other in self._open.items() if (other in self._known) is known]
        victim = None
        if len(group) >= (MAX_HALF_OPEN_KNOWN if known else MAX_HALF_OPEN):
            victim = self._rng.choice(group)
            del self._open[victim]
            self.displaced += 1
        self._open[number] = source
        return True, victim

    def done(self, number: int, *, authenticated: bool) -> None:
        """It is no longer half open."""
        source = self._open.pop(number, None)
        if source is not None and authenticated:
            self.remember(source)

    def remember(self, source: str) -> None:
        """This address belongs to a neighbour that authenticated."""
        self._known[source] = None
        self._known.move_to_end(source)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
