# SPDX-License-Identifier: Apache-2.0
"""Neighbours that may lead to an issuer, by link security's beacons; only while one is looked for. asyncio.

A beacon says that a node of our mesh is there; whether it leads, it says when it is asked (leading.py).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from agent.hello.channel import Channel
from agent.hello.errors import HelloError
from agent.linksec import beacon as beacons
from agent.linksec.errors import BeaconError

TICK: Final = 1.0  # s
RETRY: Final = 2.0  # s until a missing interface is looked for again
MAX_NEARBY: Final = 16  # neighbours remembered an interface; one at random makes room: beacons can be forged
SILENT: Final = 10.0  # s: five beacons
log = logging.getLogger(__name__)


class Nearby:
    """One interface. `wanted()`: is anybody looked for now?"""

    def __init__(
        self,
        interface: str,
        mesh: bytes,
        *,
        wanted: Callable[[], bool],
        on_news: Callable[[], None],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.interface = interface
        self.problem = ""
        self._mesh, self._wanted, self._on_news = mesh, wanted, on_news
        self._clock, self._rng = clock, rng
        self._heard: dict[str, float] = {}

    def addresses(self) -> list[str]:
        """Whom to ask, in random order: no liar is always the first."""
        now = self._clock()
        fresh = [address for address, at in self._heard.items() if now - at <= SILENT]
        self._rng.shuffle(fresh)
        return fresh

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._wanted():
                    await self._listen()
            except (HelloError, OSError) as error:
                if str(error) != self.problem:
                    self.problem = str(error)
                    log.debug("no neighbour is heard on %s: %s", self.interface, error)
            await asyncio.sleep(RETRY)

    async def _listen(self) -> None:
        channel = Channel(self.interface, beacons.PORT, beacons.GROUP)
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(channel.fileno(), self._hear, channel)
            self.problem = ""
            while True:
                await asyncio.sleep(TICK)
                if not channel.current() or not self._wanted():
                    break
        finally:
            loop.remove_reader(channel.fileno())
            channel.close()
            self._heard.clear()

    def _hear(self, channel: Channel) -> None:
        try:
            datagrams = channel.receive()
        except HelloError:
            return  # whoever looks next finds the interface gone
        now = self._clock()
        for data, address in datagrams:
            try:
                heard = beacons.decode(data)
            except BeaconError:
                continue
            if heard.mesh == self._mesh:
                self._enter(address, now)

    def _enter(self, address: str, now: float) -> None:
        at = self._heard.get(address)
        news = at is None or now - at > SILENT
        if at is None and len(self._heard) >= MAX_NEARBY:
            silent = [each for each, at in self._heard.items() if now - at > SILENT]
            del self._heard[silent[0] if silent else self._rng.choice(tuple(self._heard))]
        self._heard[address] = now
        if news:
            self._on_news()
