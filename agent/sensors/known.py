# SPDX-License-Identifier: Apache-2.0
"""Which nodes of the mesh were heard in this run, and when last: batman-adv forgets them after minutes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agent.readings import Known, Originator

MAX_KNOWN: Final = 1024  # a mesh has at most 1,000 nodes; addresses are anybody's to invent
FORGET_S: Final = 21_600.0  # s: a node unheard for six hours was taken away


class KnownNodes:
    """Told of every dump of originators; bounded."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, float]] = {}  # mac > first, last; the longest unheard first

    def dumped(self, rows: Iterable[Originator], now: float) -> tuple[Known, ...]:
        """Everybody known after this dump, which began at `now` (monotonic seconds)."""
        fresh: dict[str, float] = {}
        for row in rows:
            at = now - max(0.0, row.last_seen_age)
            fresh[row.mac] = max(at, fresh.get(row.mac, at))
        for mac, at in sorted(fresh.items(), key=lambda item: item[1]):
            first, last = self._heard.pop(mac, (at, at))
            self._heard[mac] = (min(first, at), max(last, at))
        while len(self._heard) > MAX_KNOWN:
            del self._heard[next(iter(self._heard))]
        self._heard = {mac: seen for mac, seen in self._heard.items() if now - seen[1] < FORGET_S}
        return tuple(Known(mac, now - last, last - first) for mac, (first, last) in self._heard.items())
