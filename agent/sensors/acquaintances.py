# SPDX-License-Identifier: Apache-2.0
"""Which neighbours are known to answer echo requests, and which are to be asked that while they are well.

Only of one that answered once silence tells anything. A batman-adv node without IPv6, or with ICMPv6
filtered, never does. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

MAX_KNOWN = 256  # neighbours remembered of each kind, as many as the loop knows; a stranger may invent MACs
AGAIN_FIRST = 30.0  # s until one that gave no answer is asked again: it may have been booting
AGAIN_MAX = 600.0  # s, doubled up to this: one that never answers costs next to nothing

Key: TypeAlias = tuple[str, str]  # (hardif, MAC)


class Acquaintances:
    """Bounded; who is present is never displaced by a newcomer."""

    def __init__(self) -> None:
        self._answered: dict[Key, None] = {}
        self._asked: dict[Key, tuple[float, float]] = {}  # when to ask again, and the wait after that
        self._present: frozenset[Key] = frozenset()

    def knows(self, key: Key) -> bool:
        """Has it ever answered?"""
        return key in self._answered

    def answered(self, key: Key) -> None:
        """It did just now."""
        self._asked.pop(key, None)
        if key in self._answered or self._room(self._answered):
            self._answered[key] = None

    def due(self, present: Iterable[Key], now: float, most: int) -> list[Key]:
        """Of those present and well now, at most so many that should be asked; counted as asked."""
        self._present = frozenset(present)
        found: list[Key] = []
        for key in sorted(self._present - self._answered.keys()):
            again, wait = self._asked.get(key, (now, AGAIN_FIRST))
            if len(found) < most and now >= again and (key in self._asked or self._room(self._asked)):
                self._asked[key] = (now + wait, min(AGAIN_MAX, 2 * wait))
                found.append(key)
        return found

    def _room(self, table: dict[Key, None] | dict[Key, tuple[float, float]]) -> bool:
        if len(table) < MAX_KNOWN:
            return True
        gone = next((key for key in table if key not in self._present), None)
        if gone is not None:
            del table[gone]
        return gone is not None
