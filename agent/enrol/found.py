# SPDX-License-Identifier: Apache-2.0
"""Issuers heard of on the mesh interface, pure. A word heard is a hint whom to dial, never a reason to trust.

Whoever is in the mesh can say it is an issuer: the table is bounded, an entry that once led to an issuer is
never displaced by one that has not.
"""

from __future__ import annotations

import random
from typing import Final

from agent.enrol.messages import Offer

MAX_FOUND: Final = 24  # more than a mesh's issuers and stand-ins; bounds what a liar makes us keep
SILENT: Final = 100.0  # s after which an entry is forgotten: three announcements


class _Entry:
    __slots__ = ("at", "good", "offer")

    def __init__(self, offer: Offer, at: float) -> None:
        self.offer, self.at, self.good = offer, at, False


class Found:
    """By address on the mesh interface; an address has one issuer."""

    def __init__(self, mesh: bytes, rng: random.Random) -> None:
        self._mesh, self._rng = mesh, rng
        self._table: dict[str, _Entry] = {}
        self.other_mesh = 0

    def heard(self, offer: Offer, address: str, now: float) -> bool:
        """Enter what was said; is it news?"""
        if offer.mesh != self._mesh:
            self.other_mesh += 1
            return False
        self._expire(now)
        known = self._table.get(address)
        if known is not None:
            news, known.offer, known.at = known.offer != offer, offer, now
            known.good = known.good and not news
            return news
        if len(self._table) >= MAX_FOUND:
            idle = [each for each, entry in self._table.items() if not entry.good]
            if not idle:
                return False
            del self._table[self._rng.choice(idle)]
        self._table[address] = _Entry(offer, now)
        return True

    def led(self, address: str, *, good: bool) -> None:
        """An issuer answered there, or what answered was none."""
        if address in self._table:
            self._table[address].good = good

    def of(self, name: str, *, enrols: bool, now: float) -> list[tuple[str, Offer]]:
        """(address, offer) of who issues for `name`, in the order to try them. `enrols`: no stand-in."""
        self._expire(now)
        rows = [
            (entry.good, address, entry.offer)
            for address, entry in self._table.items()
            if entry.offer.name == name and (entry.offer.enrols or not enrols)
        ]
        self._rng.shuffle(rows)
        rows.sort(key=lambda row: (not row[2].enrols, not row[0]))  # stand-ins last: a proxy asks for both
        return [(address, offer) for _, address, offer in rows]

    def all(self, now: float) -> list[tuple[str, Offer]]:
        """Everything that is not forgotten."""
        self._expire(now)
        return [(address, entry.offer) for address, entry in self._table.items()]

    def _expire(self, now: float) -> None:
        for address in [each for each, entry in self._table.items() if now - entry.at > SILENT]:
            del self._table[address]
