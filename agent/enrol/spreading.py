# SPDX-License-Identifier: Apache-2.0
"""Lists and bundles go from neighbour to neighbour: whoever has news tells all of its neighbours. asyncio.

An end that has changed since it last evened out with a neighbour dials it. So news crosses the mesh by
itself, a neighbour that is new or was away is met at once, and two that have the same stay silent.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from agent.enrol.errors import EnrolError
from agent.enrol.evening import FRAME_BYTES, even_out
from agent.enrol.standing import Standing
from agent.enrol.stream import BUFFER, TlsStream, close
from agent.linksec import sockets
from agent.linksec.errors import LinksecError
from agent.linksec.judged import Verifier

if TYPE_CHECKING:
    from agent.linksec.tls import Contexts

TICK: Final = 0.5  # s between looks whether anything is to be told
SECONDS: Final = 30.0  # for one evening: 260 KB over a poor link
CONNECT: Final = 3.0  # s
MAX_DIALS: Final = 4  # at once
AGAIN_FIRST: Final = 2.0  # s after a failure, doubled each time
AGAIN_MAX: Final = 60.0  # a neighbour that comes back is met at once all the same
AGAIN_JITTER: Final = 0.25
SAFETY: Final = 3_600.0  # s after which two that have the same meet all the same: what was missed heals
MAX_MET: Final = 256  # neighbours remembered: several interfaces' worth
log = logging.getLogger(__name__)


class Neighbour(msgspec.Struct, frozen=True):
    """One that link security has let in: its SPIFFE ID, and where it is."""

    interface: str
    address: str
    peer: str


class Link(Protocol):
    """What is read of a secured link, as link security tells it."""

    @property
    def hardif(self) -> str:
        """The interface's name."""

    @property
    def address(self) -> str:
        """Link-local, "" where it is not known."""

    @property
    def peer(self) -> str:
        """A SPIFFE ID."""


def near(links: Iterable[Link]) -> tuple[Neighbour, ...]:
    """The neighbours of secured links."""
    return tuple(Neighbour(each.hardif, each.address, each.peer) for each in links if each.address)


class Spread(msgspec.Struct):
    """Since the agent's start."""

    dialled: int = 0
    served: int = 0
    taken: int = 0
    sent: int = 0
    failed: int = 0
    refused: int = 0  # documents that were not taken
    last: str = ""  # why the last failure or refusal


class _Met:
    __slots__ = ("at", "changes", "dialling", "failures", "retry_at")

    def __init__(self) -> None:
        self.changes, self.at = -1, float("-inf")  # of ours, and when we were even
        self.failures, self.retry_at, self.dialling = 0, float("-inf"), False


class Spreading:
    """`contexts()`: of our identity with ALPN LISTS; `verify`: who a chain belongs to, as for links."""

    def __init__(
        self,
        standing: Standing,
        port: int,
        *,
        contexts: Callable[[], Contexts],
        verify: Verifier,
        neighbours: Callable[[], Iterable[Neighbour]],
        on_news: Callable[[], object],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.counts = Spread()
        self._standing, self._port = standing, port
        self._contexts, self._verify, self._neighbours = contexts, verify, neighbours
        self._on_news, self._clock, self._rng = on_news, clock, rng
        self._met: dict[str, _Met] = {}
        self._present: frozenset[str] = frozenset()
        self._dials: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._dial()
                await asyncio.sleep(TICK)
        finally:
            for task in tuple(self._dials):
                task.cancel()
            await asyncio.gather(*self._dials, return_exceptions=True)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str, first: bytes
    ) -> str:
        """A neighbour that dialled us: its SPIFFE ID. LinksecError, OSError, MessageError."""
        end = self._contexts().server(self._verify)
        stream = TlsStream(reader, writer, end, most=FRAME_BYTES, first=first)
        await stream.open()
        self.counts.served += 1
        await self._even(stream)
        await stream.close()
        return end.peer

    def _dial(self) -> None:
        now, there = self._clock(), tuple(self._neighbours())
        present = frozenset(one.peer for one in there)
        for peer in (present - self._present) & self._met.keys():
            self._met[peer].failures, self._met[peer].retry_at = 0, now
        self._present = present
        for one in there:
            if len(self._dials) >= MAX_DIALS:
                return
            met = self._known(one.peer)
            if met is None or met.dialling or now < met.retry_at or not self._due(met, now):
                continue
            met.dialling = True
            task = asyncio.create_task(self._meet(one, met))
            self._dials.add(task)
            task.add_done_callback(self._dials.discard)

    def _due(self, met: _Met, now: float) -> bool:
        return met.changes != self._standing.changes or now - met.at > SAFETY

    def _known(self, peer: str) -> _Met | None:
        if peer not in self._met:
            if len(self._met) >= MAX_MET:
                idle = [name for name, each in self._met.items() if not each.dialling]
                if not idle:
                    return None
                del self._met[min(idle, key=lambda name: self._met[name].at)]
            self._met[peer] = _Met()
        return self._met[peer]

    async def _meet(self, one: Neighbour, met: _Met) -> None:
        self.counts.dialled += 1
        try:
            async with asyncio.timeout(SECONDS):
                await self._talk(one)
            met.failures = 0
        except (OSError, LinksecError, EnrolError) as error:  # of OSError is also what came too late
            self.counts.failed += 1
            self.counts.last = f"{one.peer}: {error or type(error).__name__}"
            pause = min(AGAIN_MAX, AGAIN_FIRST * 2.0 ** min(met.failures, 8))
            met.failures += 1
            met.retry_at = self._clock() + pause * self._rng.uniform(1 - AGAIN_JITTER, 1 + AGAIN_JITTER)
            log.debug("evening out with %s on %s: %s", one.peer, one.interface, error)
        finally:
            met.dialling = False

    async def _talk(self, one: Neighbour) -> None:
        reader, writer = await self._connect(one)
        try:
            end = self._contexts().client(self._verify)
            stream = TlsStream(reader, writer, end, most=FRAME_BYTES)
            await stream.open()
            await self._even(stream)
            await stream.close()
        finally:
            await close(writer)

    async def _connect(self, one: Neighbour) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        made = sockets.dialler(one.interface)
        try:
            where = (one.address, self._port, 0, socket.if_nametoindex(one.interface))
            async with asyncio.timeout(CONNECT):
                await asyncio.get_running_loop().sock_connect(made, where)
            return await asyncio.open_connection(sock=made, limit=BUFFER)
        except BaseException:
            made.close()
            raise

    async def _even(self, stream: TlsStream) -> None:
        before = self._standing.changes
        result = await even_out(stream, self._standing)
        self.counts.taken += result.taken
        self.counts.sent += result.sent
        self.counts.refused += len(result.refused)
        if result.refused:
            self.counts.last = f"{stream.tls.peer}: {result.refused[-1]}"
        met = self._known(stream.tls.peer)
        if met is not None and self._standing.changes == before + result.taken:
            met.changes, met.at = self._standing.changes, self._clock()
        if result.taken:
            self._on_news()
