# SPDX-License-Identifier: Apache-2.0
"""Who is heard on one interface and whom to dial when, pure.

The end with the lower link-local address dials: both know both addresses, so both know who it is. Where
that end does not come (it may not hear us, or be flooded) the other dials after DIAL_GRACE. Failures are
repeated ever more rarely; a neighbour that began anew is tried at once. Only what came of our own dialling
counts: whoever connects to us chooses the address it comes from.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Collection
from typing import Final

from agent.linksec.beacon import Beacon
from agent.linksec.errors import Reason

MAX_NEIGHBOURS: Final = (
    64  # beacons remembered per interface: above MAX_PEERS, bounds what a flood of them costs
)
MAX_DIALS: Final = 4  # of ours at once: each costs a core 1.5 ms here and some 10 on a small board
GONE_INTERVALS: Final = 5.0  # intervals of silence after which a beacon is forgotten
DIAL_GRACE: Final = 3.0  # s the end with the higher address waits to be dialled
BACKOFF_FIRST: Final = 0.5  # s; doubled with each failure
BACKOFF_MAX: Final = 30.0
BACKOFF_REFUSED: Final = 5.0  # s after a refused certificate: it will hardly be another one soon
BACKOFF_JITTER: Final = 0.2
FORGIVE: Final = (
    60.0  # s between two restarts that are taken for a reason to dial at once: beacons can be forged
)
WHOLE: Final = (
    600.0  # s the issuer is sent along after a failure: the beacon that spoke against it was nobody's
)
SLOW: Final = frozenset(
    {Reason.CERTIFICATE, Reason.IDENTITY, Reason.DUPLICATE, Reason.REVOKED, Reason.POLICY, Reason.FULL}
)


class _Neighbour:
    __slots__ = (
        "address", "at", "beacon", "dialling", "failures", "forgive_at", "grace_until", "linked",
        "restarted_at", "retry_at", "whole_until",
    )  # fmt: skip

    def __init__(self, address: str, beacon: Beacon, now: float, grace: float) -> None:
        self.address, self.beacon, self.at = address, beacon, now
        self.dialling = self.linked = False
        self.failures = 0
        self.restarted_at: float | None = None  # its beacon is of another run than its last channel
        self.retry_at = self.forgive_at = self.whole_until = now
        self.grace_until = now + grace


class Neighbours:
    """The table of one interface. `own`: our link-local address there."""

    def __init__(self, own: str, mesh: bytes, instance: bytes, suite: str, rng: random.Random) -> None:
        self._own = ipaddress.IPv6Address(own)
        self._mesh, self._instance, self._suite, self._rng = mesh, instance, suite, rng
        self._table: dict[str, _Neighbour] = {}
        self.other_mesh = 0  # beacons of other meshes
        self.other_suite = 0  # of our mesh with a suite we do not speak
        self.crowded = 0  # beacons for which there was no room

    def __len__(self) -> int:
        return len(self._table)

    def we_dial(self, address: str) -> bool:
        """Is dialling that neighbour our part?"""
        return self._own < ipaddress.IPv6Address(address)

    def heard(self, beacon: Beacon, address: str, now: float) -> bool:
        """Enter a beacon; is it a neighbour that was not there, or began anew (ours is owed to it)?"""
        if beacon.mesh != self._mesh:
            self.other_mesh += 1
            return False
        if beacon.instance == self._instance:
            return False  # our own on another interface of the same segment
        if beacon.suite != self._suite:
            self.other_suite += 1
            return False
        known = self._table.get(address)
        if known is None:
            if not self._room(now):
                self.crowded += 1
                return False
            grace = 0.0 if self.we_dial(address) else DIAL_GRACE
            self._table[address] = _Neighbour(address, beacon, now, grace)
            return True
        another = known.beacon.instance != beacon.instance
        restarted = another and now >= known.forgive_at
        known.beacon, known.at = beacon, now
        if another and known.restarted_at is None:
            known.restarted_at = now
        if restarted:
            known.failures, known.retry_at, known.forgive_at = 0, now, now + FORGIVE
        return restarted

    def due(self, now: float) -> list[tuple[str, Beacon]]:
        """Whom to dial now; each is taken as being dialled until `failed` or `linked`."""
        room = MAX_DIALS - sum(n.dialling for n in self._table.values())
        ready = [n for n in self._table.values() if self._may(n, now)]
        self._rng.shuffle(ready)  # a flood of beacons has no better chance than a neighbour
        chosen = ready[: max(0, room)]
        for neighbour in chosen:
            neighbour.dialling = True
        return [(n.address, n.beacon) for n in chosen]

    def linked(self, address: str) -> None:
        """A channel to it stands."""
        found = self._table.get(address)
        if found is not None:
            found.dialling, found.linked, found.failures = False, True, 0
            found.restarted_at = None

    def unlinked(self, address: str, now: float) -> None:
        """The channel ended; it is dialled again after the shortest pause."""
        found = self._table.get(address)
        if found is not None and found.linked:
            found.linked = False
            self._later(found, BACKOFF_FIRST, now)

    def failed(self, address: str, reason: Reason, now: float) -> None:
        """Dialling it failed."""
        found = self._table.get(address)
        if found is not None:
            found.dialling = False
            first = BACKOFF_REFUSED if reason in SLOW else BACKOFF_FIRST
            self._later(found, min(BACKOFF_MAX, first * 2.0 ** min(found.failures, 8)), now)
            found.failures += 1

    def restarted(self, address: str) -> float | None:
        """When its beacon first said that it began anew, None once a channel stands since. A hint: beacons
        can be forged."""
        found = self._table.get(address)
        return found.restarted_at if found is not None else None

    def again(self, address: str, now: float) -> None:
        """Dial it as if it came first: a person or a remedy wants it."""
        found = self._table.get(address)
        if found is not None:
            found.failures, found.retry_at, found.grace_until = 0, now, now

    def knows_issuer(self, address: str, tag: bytes, now: float) -> bool:
        """Does it say that this issuer's certificate need not be sent, and is there no reason to doubt it?"""
        found = self._table.get(address)
        return found is not None and tag in found.beacon.issuers and now >= found.whole_until

    def doubt_issuer(self, address: str, now: float) -> None:
        """It was not linked to with our leaf alone: send it everything for a while."""
        found = self._table.get(address)
        if found is not None:
            found.whole_until = now + WHOLE

    def expire(self, now: float) -> None:
        """Forget who is silent and has no channel."""
        for address in [a for a, n in self._table.items() if self._silent(n, now) and not self._used(n)]:
            del self._table[address]

    def heard_of(self) -> Collection[str]:
        """The addresses in the table."""
        return tuple(self._table)

    def _may(self, neighbour: _Neighbour, now: float) -> bool:
        idle = not neighbour.dialling and not neighbour.linked
        return idle and now >= neighbour.retry_at and now >= neighbour.grace_until

    def _later(self, neighbour: _Neighbour, pause: float, now: float) -> None:
        pause *= 1 + BACKOFF_JITTER * (2 * self._rng.random() - 1)
        neighbour.retry_at = now + pause
        if not self.we_dial(neighbour.address):
            neighbour.grace_until = now + DIAL_GRACE

    def _room(self, now: float) -> bool:
        """Room for a newcomer: at the cost of the longest silent one, never of one with a channel."""
        if len(self._table) < MAX_NEIGHBOURS:
            return True
        idle = [n for n in self._table.values() if not self._used(n)]
        if not idle:
            return False
        oldest = min(idle, key=lambda n: n.at)
        if not self._silent(oldest, now):
            oldest = self._rng.choice(idle)  # so that no flood can fill the table for good
        del self._table[oldest.address]
        return True

    @staticmethod
    def _used(neighbour: _Neighbour) -> bool:
        return neighbour.linked or neighbour.dialling

    @staticmethod
    def _silent(neighbour: _Neighbour, now: float) -> bool:
        return now - neighbour.at > GONE_INTERVALS * neighbour.beacon.interval_ms / 1000
