# SPDX-License-Identifier: Apache-2.0
"""Whoever can reach an issuer or a neighbour's port costs a bounded effort and keeps nobody out for long."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.enrol import issuing, leading
from agent.enrol.asking import ask
from agent.enrol.door import Door
from agent.enrol.errors import EnrolError
from agent.enrol.leading import Leading
from agent.enrol.messages import ENROL, KNOCK, Lead, knock
from agent.enrol.stream import LENGTH
from agent.enrol.ways import Kind, Way, connect
from agent.linksec import admission, tls
from tests.integration.enrol.serving import Served, issuer
from tests.integration.enrol.test_issuer import leaping
from tests.unit.enrol.world import a_token, blank, trust
from tests.unit.linksec.authority import take_all

PATIENCE = 30.0


async def until(true: Callable[[], object]) -> None:
    """Wait for what tasks of this loop make true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def visit(port: int, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other end is done with us."""
    got = b""
    with contextlib.suppress(OSError):
        while data := await asyncio.wait_for(reader.read(4096), PATIENCE):
            got += data
    return got


async def stranger(served: Served) -> tuple[tls.Endpoint, asyncio.StreamReader, asyncio.StreamWriter]:
    """A visitor that did its handshake, with its hands on the bytes."""
    reader, writer = await visit(served.port)
    end = tls.stranger(take_all, alpn=ENROL)
    writer.write(end.outgoing())
    while not end.established:
        end.feed(await asyncio.wait_for(reader.read(4096), PATIENCE))
        writer.write(end.outgoing())
    return end, reader, writer


# -- the issuer


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", bytes(100), random.Random(3).randbytes(3000)])
async def test_garbage_ends_a_connection_and_nothing_else(tmp_path: Path, data: bytes) -> None:
    async with issuer(tmp_path, clock=leaping()) as served:
        reader, writer = await visit(served.port)
        writer.write(data)
        await ended(reader)
        writer.close()
        await until(lambda: served.service.counts.failed)
        assert (await served.ask(blank(text=a_token()))).svid


async def test_a_visitor_that_says_nothing_is_cut_at_the_deadline(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        served.service.door._seconds = 0.2
        reader, writer = await visit(served.port)
        await ended(reader)
        writer.close()
        await until(lambda: not served.service.door.open)
        assert served.service.counts.late == 1


async def test_one_that_drips_its_request_is_cut_at_the_same_deadline(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        end, reader, writer = await stranger(served)
        served.service.door._seconds = 0.3
        slow, dripping, trickle = await stranger(served)
        slow.write(LENGTH.pack(60_000))
        began = time.monotonic()
        while served.service.counts.late == 0:
            assert time.monotonic() - began < PATIENCE
            with contextlib.suppress(OSError):
                slow.write(b"x")
                trickle.write(slow.outgoing())
            await asyncio.sleep(0.01)
        for each in (writer, trickle):
            each.close()
        assert end.established
        assert reader is not dripping


@pytest.mark.parametrize("size", [65_537, 2**31])
async def test_a_request_that_announces_too_much_is_cut_before_it_is_read(tmp_path: Path, size: int) -> None:
    async with issuer(tmp_path) as served:
        end, reader, writer = await stranger(served)
        end.write(LENGTH.pack(size))
        writer.write(end.outgoing())
        await ended(reader)
        writer.close()
        await until(lambda: served.service.counts.failed)


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, random.Random(5).randbytes(2000)])
async def test_a_request_that_is_none_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    async with issuer(tmp_path) as served:
        end, reader, writer = await stranger(served)
        end.write(LENGTH.pack(len(data)) + data)
        writer.write(end.outgoing())
        await ended(reader)
        writer.close()
        assert served.service.tally.refused == {"form": 1}


async def test_a_request_recorded_in_one_channel_is_refused_in_another(tmp_path: Path) -> None:
    from agent.identity import enrolment
    from agent.identity.enrolment import Target
    from tests.unit.identity.mesh import DOMAIN

    async with issuer(tmp_path) as served:
        who = blank(text=a_token())
        first, _, one = await stranger(served)
        recorded = enrolment.encode_request(
            enrolment.ask(
                Target(DOMAIN, "hill", first.binding()),
                who.name,
                who.tls,
                who.signer.key,
                token=who.token,
            )
        )
        second, reader, writer = await stranger(served)
        second.write(LENGTH.pack(len(recorded)) + recorded)
        writer.write(second.outgoing())
        await ended(reader)
        for each in (one, writer):
            each.close()
        assert served.service.tally.refused == {"proof": 1}
        assert not served.service.desk.register.nodes()


async def test_half_open_connections_of_one_source_are_bounded_and_another_is_served(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=leaping()) as served, contextlib.AsyncExitStack() as stack:
        for _ in range(4 * issuing.PER_SOURCE):
            _, writer = await visit(served.port)
            stack.callback(writer.close)
        await until(lambda: served.service.counts.refused >= 3 * issuing.PER_SOURCE)
        assert served.service.door.open == issuing.PER_SOURCE
        answer = await ask(*await visit(served.port, "127.0.0.2"), blank(text=a_token()), trust())
        assert answer.svid


async def test_half_open_connections_of_many_sources_are_bounded_and_displace_each_other(
    tmp_path: Path,
) -> None:
    async with issuer(tmp_path, clock=leaping()) as served, contextlib.AsyncExitStack() as stack:
        for number in range(60):
            _, writer = await visit(served.port, f"127.0.1.{number + 1}")
            stack.callback(writer.close)
        await until(lambda: served.service.counts.displaced >= 30)
        await until(lambda: served.service.door.open <= admission.MAX_HALF_OPEN)


async def test_the_rate_of_one_source_is_bounded(tmp_path: Path) -> None:
    async with issuer(tmp_path, clock=lambda: 0.0) as served:
        for number in range(4):
            with pytest.raises(EnrolError):
                await served.ask(blank(f"hill-{number}", "x0join.AAAA"))
        with pytest.raises(EnrolError) as caught:
            await served.ask(blank(text=a_token()))
        assert caught.value.reason == "closed"
        assert served.service.counts.refused == 1


# -- the neighbour that leads


class Leader:
    """A door that leads, its ways set by the test."""

    def __init__(self, ways: Sequence[Way], clock: Callable[[], float]) -> None:
        self.asked: list[str] = []
        self.ways = ways
        self.leading = Leading(self._ways, clock, random.Random(1))
        self.door = Door("porch", self._serve, PATIENCE, clock, random.Random(1), per_source=64)
        self.port = 0

    def _ways(self, name: str) -> Sequence[Way]:
        self.asked.append(name)
        return [way for way in self.ways if way.issuer == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> None:
        await self.leading.serve(reader, writer, source, await reader.read(1))

    def way(self) -> Way:
        return Way(Kind.NEIGHBOUR, "hill", "127.0.0.1", self.port)


@asynccontextmanager
async def leader(ways: Sequence[Way], clock: Callable[[], float]) -> AsyncIterator[Leader]:
    made = Leader(ways, clock)
    server = await asyncio.start_server(made.door._take, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.door.end()


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Way]:
    """Something in the place of an issuer."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    try:
        yield Way(Kind.CONFIGURED, "hill", "127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def test_a_new_node_is_led_to_the_issuer_and_enrols(tmp_path: Path) -> None:
    async with issuer(tmp_path) as served:
        there = Way(Kind.CONFIGURED, "hill", "127.0.0.1", served.port)
        async with leader([there], leaping()) as neighbour:
            streams = await connect(neighbour.way())
            assert (await ask(*streams, blank(text=a_token()), trust())).svid
            assert neighbour.leading.counts.through == 1


async def test_a_neighbour_in_the_middle_that_poses_as_the_issuer_sees_no_token(tmp_path: Path) -> None:
    from tests.unit.enrol.world import identity

    async with issuer(tmp_path, own=identity("hill-liar")) as liar:
        there = Way(Kind.CONFIGURED, "hill", "127.0.0.1", liar.port)
        async with leader([there], leaping()) as neighbour:
            with pytest.raises(EnrolError) as caught:
                await ask(*await connect(neighbour.way()), blank(text=a_token()), trust())
            assert caught.value.reason == "issuer"
            assert not liar.service.tally.refused


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (knock("lake"), bytes((Lead.UNKNOWN,))),
        (b"\x16\x03\x01", b""),
        (KNOCK + b"\x00", b""),
        (KNOCK + b"\x05../..", b""),
        (KNOCK + b"\xff" + bytes(255), b""),
    ],
)
async def test_a_neighbour_leads_to_issuers_it_knows_and_nowhere_else(data: bytes, answer: bytes) -> None:
    dialled = []

    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        dialled.append(1)

    async with listening(serve) as there, leader([there], leaping()) as neighbour:
        reader, writer = await visit(neighbour.port)
        writer.write(data)
        assert await ended(reader) == answer
        writer.close()
        assert not dialled


async def test_bytes_behind_a_knock_before_its_answer_are_not_carried() -> None:
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.read(100))

    async with listening(serve) as there, leader([there], leaping()) as neighbour:
        reader, writer = await visit(neighbour.port)
        writer.write(knock("hill") + b"early")
        assert await asyncio.wait_for(reader.readexactly(1), PATIENCE) == bytes((Lead.THROUGH,))
        await until(lambda: got)
        assert bytes(got) == b"early", "what was sent in good faith is carried whole, after the answer"
        writer.close()


async def test_what_is_carried_is_bounded_in_either_direction() -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    async def swallow(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    async with listening(flood) as there, leader([there], leaping()) as neighbour:
        reader, writer = await connect(neighbour.way())
        assert len(await ended(reader)) <= leading.BYTES
        writer.close()
        assert neighbour.leading.counts.cut == 1
    async with listening(swallow) as there, leader([there], leaping()) as neighbour:
        reader, writer = await connect(neighbour.way())
        with contextlib.suppress(OSError):
            for _ in range(100):
                writer.write(bytes(65_536))
                await writer.drain()
        await ended(reader)
        writer.close()
        await until(lambda: neighbour.leading.counts.cut)


async def test_an_issuer_that_does_not_answer_is_said_in_time() -> None:
    dead = Way(Kind.CONFIGURED, "hill", "127.0.0.1", 1)
    async with leader([dead, dead], leaping()) as neighbour:
        with pytest.raises(EnrolError, match="does not answer it") as caught:
            await connect(neighbour.way())
        assert caught.value.reason == "proxy"
        assert neighbour.leading.counts.unreachable == 1


async def test_who_is_led_is_bounded_in_number_and_rate() -> None:
    async def idle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(idle) as there, contextlib.AsyncExitStack() as stack:
        async with leader([there], leaping()) as neighbour:
            for _ in range(2 * leading.MAX_LED):
                _, writer = await connect(neighbour.way())
                stack.callback(writer.close)
            await until(lambda: neighbour.door.open == leading.MAX_LED)
            assert neighbour.leading.counts.displaced == leading.MAX_LED
        async with leader([there], lambda: 0.0) as neighbour:
            neighbour.door._admission.ask = lambda *_: (True, None)  # type: ignore[method-assign]
            for _ in range(3):
                _, writer = await connect(neighbour.way())
                stack.callback(writer.close)
            with pytest.raises(EnrolError, match="as many as it may"):
                await connect(neighbour.way())
            assert neighbour.leading.counts.limited == 1


async def test_a_slow_knock_is_cut_at_the_deadline() -> None:
    async with leader([], leaping()) as neighbour:
        neighbour.door._seconds = 0.2
        reader, writer = await visit(neighbour.port)
        writer.write(KNOCK[:2])
        await ended(reader)
        writer.close()
        assert neighbour.door.counts.late == 1


async def test_a_neighbour_that_says_nonsense_is_left() -> None:
    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x77")

    async with listening(nonsense) as there:
        way = Way(Kind.NEIGHBOUR, "hill", there.host, there.port)
        with pytest.raises(EnrolError, match="nonsense"):
            await connect(way)
