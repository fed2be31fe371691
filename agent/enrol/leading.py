# SPDX-License-Identifier: Apache-2.0
"""The join proxy: carries a new node's bytes to an issuer it knows, and to nothing else. asyncio.

The idea is RFC 8995's. What is carried is TLS between the new node and the issuer: the proxy sees neither
token nor keys, adds nothing, and judges nobody. The new node names an issuer; where that is, this node says.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from agent.enrol.errors import EnrolError
from agent.enrol.messages import Lead, knocked
from agent.enrol.stream import close
from agent.enrol.ways import Streams, Way, connect
from agent.hello.limits import SourceLimits

BYTES: Final = 128 * 1024  # either way: a request with its handshake has 60 KB in the largest suite
PIECE: Final = 4096
MAX_LED: Final = 4  # at once: each holds two sockets and 30 KB; one at random makes room for another
MAX_WAYS: Final = 3  # tried for one knock
REACH: Final = 5.0  # s for them, less than the new node waits (ways.LEADING)
RATE, BURST = 0.1, 3.0  # of one source: a node retries every few seconds at first, then ever more rarely
TOTAL_RATE, TOTAL_BURST = 0.5, 8.0  # of all: at most 128 KB/s of the mesh either way


class Led(msgspec.Struct):
    """Since the agent's start."""

    through: int = 0
    limited: int = 0
    unknown: int = 0
    unreachable: int = 0
    displaced: int = 0
    cut: int = 0  # for too many bytes


class Leading:
    """`ways(issuer)`: where an issuer of that name, one that enrols, may be; fixed by this node alone."""

    def __init__(
        self, ways: Callable[[str], Sequence[Way]], clock: Callable[[], float], rng: random.Random
    ) -> None:
        self.counts = Led()
        self._ways, self._clock, self._rng = ways, clock, rng
        self._limits = SourceLimits(RATE, BURST, TOTAL_RATE, TOTAL_BURST)
        self._led: list[asyncio.Task[None]] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str, first: bytes
    ) -> None:
        """One new node, until either end closes. MessageError, OSError; `first`: what was read already."""
        data = first
        while (issuer := knocked(data)) is None:
            more = await reader.read(1)  # so that nothing of TLS is read by mistake
            if not more:
                return
            data += more
        if not self._limits.take(source, self._clock()):
            self.counts.limited += 1
            await self._say(writer, Lead.BUSY)
            return
        if len(self._led) >= MAX_LED:
            self.counts.displaced += 1
            self._led.pop(self._rng.randrange(len(self._led))).cancel()
        own = asyncio.current_task()
        assert own is not None
        self._led.append(own)
        try:
            await self._lead(reader, writer, issuer)
        finally:
            if own in self._led:
                self._led.remove(own)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, issuer: str) -> None:
        ways = self._ways(issuer)[:MAX_WAYS]
        if not ways:
            self.counts.unknown += 1
            await self._say(writer, Lead.UNKNOWN)
            return
        reached = await self._reach(ways)
        if reached is None:
            self.counts.unreachable += 1
            await self._say(writer, Lead.UNREACHABLE)
            return
        there, back = reached
        whole = False
        try:
            self.counts.through += 1
            await self._say(writer, Lead.THROUGH)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, back))
                both.create_task(self._carry(there, writer))
            whole = True
        except* OSError:
            pass  # one of them broke off: both are closed
        finally:
            if not whole:
                back.transport.abort()
            await close(back)

    async def _reach(self, ways: Sequence[Way]) -> Streams | None:
        try:
            async with asyncio.timeout(REACH):
                for way in ways:
                    try:
                        return await connect(way)
                    except EnrolError:
                        continue
        except TimeoutError:
            pass
        return None

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        left = BYTES
        while data := await source.read(PIECE):
            left -= len(data)
            if left < 0:
                self.counts.cut += 1
                raise ConnectionAbortedError(f"more than {BYTES} bytes in one direction")
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, lead: Lead) -> None:
        writer.write(bytes((lead,)))
        await writer.drain()
