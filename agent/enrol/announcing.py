# SPDX-License-Identifier: Apache-2.0
"""On the mesh interface, which is one segment to IPv6: issuers say that they are there, others ask. asyncio.

A few datagrams of some 30 bytes to all nodes, which batman-adv always floods: an issuer's every 30 s, and at
once when somebody asks (who has just come, and knows none). Of many that ask, one does for all.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from agent.enrol.errors import MessageError
from agent.enrol.found import Found
from agent.enrol.messages import Offer, Seek, decode_datagram, encode_datagram
from agent.hello.channel import ALL_NODES, Channel
from agent.hello.errors import HelloError
from agent.hello.limits import SourceLimits, TokenBucket

TICK: Final = 0.5  # s
RETRY: Final = 2.0  # s until a missing interface is looked for again
INTERVAL: Final = 30.0  # s between an issuer's words
JITTER: Final = 0.2
SEEK_FIRST, SEEK_MAX = 1.0, 300.0  # s between questions while no issuer is known, doubled each time
ANSWERS, ANSWER_BURST = 0.5, 2.0  # words of ours a second because somebody asked
RATE, BURST = 0.5, 4.0  # datagrams looked at, of one source
TOTAL_RATE, TOTAL_BURST = 20.0, 100.0  # of all: a mesh that starts at once asks, each node a few times
log = logging.getLogger(__name__)


class Announcing:
    """`offer()`: what our own issuer says, None where we are none; `seeking()`: do we look for one?

    `around()`: our neighbours; where they are others than before, whoever is behind them has not heard us.
    """

    def __init__(
        self,
        interface: str,
        port: int,
        mesh: bytes,
        *,
        offer: Callable[[], Offer | None],
        seeking: Callable[[], bool],
        around: Callable[[], object],
        on_news: Callable[[], None],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.found = Found(mesh, rng)
        self.problem = ""
        self.malformed = self.limited = 0
        self._name, self._port, self._mesh = interface, port, mesh
        self._offer, self._seeking, self._around, self._on_news = offer, seeking, around, on_news
        self._before: object = None
        self._clock, self._rng = clock, rng
        self._limits = SourceLimits(RATE, BURST, TOTAL_RATE, TOTAL_BURST)
        self._answers = TokenBucket(ANSWERS, ANSWER_BURST, clock())
        self._offer_due = self._seek_due = 0.0
        self._pause = SEEK_FIRST

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._serve()
            except (HelloError, OSError) as error:
                if str(error) != self.problem:
                    self.problem = str(error)
                    log.debug("issuers are not looked for on %s: %s", self._name, error)
            await asyncio.sleep(RETRY)

    async def _serve(self) -> None:
        channel = Channel(self._name, self._port, ALL_NODES)
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(channel.fileno(), self._hear, channel)
            self.problem = ""
            self._offer_due = self._seek_due = 0.0
            self._pause = SEEK_FIRST
            while channel.current():
                self._tick(channel)
                await asyncio.sleep(TICK)
        finally:
            loop.remove_reader(channel.fileno())
            channel.close()

    def _tick(self, channel: Channel) -> None:
        now = self._clock()
        if (around := self._around()) != self._before:
            self._before, self._pause = around, SEEK_FIRST
            self._seek_due = min(self._seek_due, now + SEEK_FIRST * self._rng.random())
            self._offer_due = min(self._offer_due, now + SEEK_FIRST * (1 + self._rng.random()))
        offer = self._offer()
        if offer is not None and now >= self._offer_due:
            self._offer_due = now + INTERVAL * self._rng.uniform(1 - JITTER, 1 + JITTER)
            channel.send(encode_datagram(offer))
        if not self._seeking():
            self._pause = SEEK_FIRST
        elif now >= self._seek_due:
            self._pause = min(SEEK_MAX, self._pause * 2)
            self._seek_due = now + self._pause * self._rng.uniform(1 - JITTER, 1 + JITTER)
            channel.send(encode_datagram(Seek(1, self._mesh)))

    def _hear(self, channel: Channel) -> None:
        try:
            datagrams = channel.receive()
        except HelloError:
            return  # whoever looks next finds the interface gone
        now = self._clock()
        for data, address in datagrams:
            if not self._limits.take(address, now):
                self.limited += 1
                continue
            try:
                said = decode_datagram(data)
            except MessageError:
                self.malformed += 1
                continue
            if isinstance(said, Offer):
                if self.found.heard(said, address, now):
                    self._on_news()
            elif said.mesh == self._mesh:
                self._asked(now)

    def _asked(self, now: float) -> None:
        """Another has asked: all hear the answer, so we need not ask as well."""
        self._pause = min(SEEK_MAX, self._pause * 2)
        self._seek_due = max(self._seek_due, now + self._pause * self._rng.uniform(1 - JITTER, 1 + JITTER))
        if self._answers.take(now):
            self._offer_due = 0.0
