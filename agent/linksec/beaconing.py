# SPDX-License-Identifier: Apache-2.0
"""Beacons on one interface: when ours is due and what it says, whose are looked at."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Literal

from agent.hello.channel import Channel
from agent.hello.errors import HelloError
from agent.hello.limits import SourceLimits
from agent.linksec import beacon as beacons
from agent.linksec.beacon import Beacon
from agent.linksec.errors import BeaconError
from agent.linksec.report import Counters

INTERVAL: Final = 2.0  # s between beacons: MKA's hello; 100 bytes on the air
FAST_INTERVAL: Final = 0.5  # the same in the first FAST seconds, and after a newcomer was heard
FAST: Final = 3.0
JITTER: Final = 0.1  # share of it
RATE, BURST = 2.0, 8.0  # beacons looked at, of one source
TOTAL_RATE, TOTAL_BURST = 100.0, 200.0  # of all: 64 neighbours that begin at once


class Beaconing:
    """`suite` and `issuers` are asked for each beacon, as identities and issuers change."""

    def __init__(
        self,
        *,
        mesh: bytes,
        instance: bytes,
        port: int,
        mode: Literal["required", "preferred"],
        suite: Callable[[], str],
        issuers: Callable[[], tuple[bytes, ...]],
        counters: Counters,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._mesh, self._instance, self._port, self._mode = mesh, instance, port, mode
        self._suite, self._issuers, self._counters = suite, issuers, counters
        self._clock, self._rng = clock, rng
        self._limits = SourceLimits(RATE, BURST, TOTAL_RATE, TOTAL_BURST)
        self._due = self._fast_until = 0.0

    def begin(self) -> None:
        """The interface has just appeared: be quick for a while."""
        self._due, self._fast_until = 0.0, self._clock() + FAST

    def soon(self) -> None:
        """A newcomer was heard: it shall hear us, too."""
        self._due = min(self._due, self._clock() + FAST_INTERVAL * self._rng.random())

    def send(self, channel: Channel) -> None:
        """Send one if it is due. hello's ChannelError where the interface takes none."""
        now = self._clock()
        if now < self._due:
            return
        interval = FAST_INTERVAL if now < self._fast_until else INTERVAL
        self._due = now + interval * self._rng.uniform(1 - JITTER, 1 + JITTER)
        said = Beacon(
            version=1,
            mesh=self._mesh,
            instance=self._instance,
            port=self._port,
            suite=self._suite(),
            mode=self._mode,
            interval_ms=round(INTERVAL * 1000),
            issuers=tuple(beacons.issuer_tag(der) for der in self._issuers()[: beacons.MAX_ISSUERS]),
        )
        channel.send(beacons.encode(said))
        self._counters.beacons_sent += 1

    def heard(self, channel: Channel) -> list[tuple[Beacon, str]]:
        """The beacons that have arrived, and their sources. Over a rate or none of ours: only counted."""
        try:
            datagrams = channel.receive()
        except HelloError:
            return []  # whoever looks next finds the interface gone
        now, found = self._clock(), []
        for data, address in datagrams:
            if not self._limits.take(address, now):
                self._counters.beacons_limited += 1
                continue
            try:
                found.append((beacons.decode(data), address))
            except BeaconError:
                self._counters.beacons_malformed += 1
        self._counters.beacons_heard += len(found)
        return found
