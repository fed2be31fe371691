# SPDX-License-Identifier: Apache-2.0
"""Whom echo probing asks: a forged hello cannot turn our own check away from the neighbour's kernel."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from agent.faults import answers
from agent.faults.one_way import FAULT
from agent.hello.message import Heard, HelloMessage, mac_bytes
from agent.hello.peers import News, Peers, eui64
from agent.kernel.echo import EchoReply
from agent.kernel.errors import from_errno
from agent.readings import Echo
from agent.sensors.echoes import LOOK_PERIOD, LOST_AFTER, Echoes
from tests.unit.faults.hand import N1, OURS, mesh, snapshot, view

DEAD = "fe80::dead"  # answers nothing
WITHIN = 10.0  # s for what takes less than one: the machine is shared
INDEX = 11


class Wire:
    """An echo socket whose far side answers from these addresses, at once."""

    def __init__(self, *answering: str) -> None:
        self.answering = answering
        self.asked: list[str] = []
        self.full = False
        self._looked = asyncio.Event()
        self.refused = asyncio.Event()
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._replies: list[EchoReply] = []
        self._moved = asyncio.Event()

    def fileno(self) -> int:
        return self._near.fileno()

    def send(self, index: int, address: str, ident: int, sequence: int) -> None:
        if self.full:
            self.refused.set()
            raise from_errno(errno.EAGAIN, "echo")
        self.asked.append(address)
        if address in self.answering:
            self._replies.append(EchoReply(index, address, sequence, time.monotonic()))
            self._far.send(b"x")
        self._moved.set()

    def answer_late(self, address: str, sequence: int) -> None:
        """To an earlier request."""
        self._replies.append(EchoReply(INDEX, address, sequence, time.monotonic()))
        self._far.send(b"x")

    def receive(self) -> list[EchoReply]:
        self._looked.set()
        with contextlib.suppress(BlockingIOError):
            self._near.recv(4096)
        replies, self._replies = self._replies, []
        return replies

    def close(self) -> None:
        self._near.close()
        self._far.close()

    async def looked_at(self) -> None:
        """Until answers are looked for once more."""
        self._looked.clear()
        await self._looked.wait()

    async def times(self, count: int, address: str) -> None:
        """Until this address was asked so often."""
        async with asyncio.timeout(WITHIN):
            while self.asked.count(address) < count:
                self._moved.clear()
                await self._moved.wait()


def said(sequence: int, *, lists_us: bool, suspects_us: bool) -> HelloMessage:
    us = mac_bytes(OURS["e1"])
    return HelloMessage(
        version=1,
        node="n1",
        originator=mac_bytes("02:00:00:00:00:01"),
        mac=mac_bytes(N1),
        sequence=sequence,
        interval_ms=1000,
        heard=(Heard(us, 5),) if lists_us else (),
        suspects=(us,) if suspects_us else (),
    )


@pytest.fixture
def forged() -> Peers:
    """What a stranger told in the name of n1, from an address nobody has: it hears us, then no longer."""
    peers, now = Peers("e1"), time.monotonic()
    peers.take(said(1, lists_us=True, suspects_us=False), DEAD, OURS["e1"], now)
    assert peers.take(said(2, lists_us=False, suspects_us=True), DEAD, OURS["e1"], now) == (News.SUSPECTS_US,)
    return peers


class Clock:
    """Time goes on by itself, and in leaps while the event loop does nothing."""

    leapt = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.leapt


class Stopped(Clock):
    """Time goes on in leaps only."""

    def __call__(self) -> float:
        return 1000.0 + self.leapt


@contextlib.contextmanager
def probing(peers: Peers, wire: Wire, clock: Clock | None = None) -> Iterator[Echoes]:
    echoes = Echoes(
        lambda _hardif, mac: peers.address(mac) or eui64(mac),
        index=lambda _name: INDEX,
        open_socket=lambda: wire,
        clock=clock or Clock(),
    )
    echoes.start()
    echoes.probe("e1", N1, 5.0)
    try:
        yield echoes
    finally:
        echoes.stop()


def symptoms(peers: Peers, echoes: Echoes) -> list[str]:
    """What one-way makes of a healthy link, these hellos and the probing."""
    now = time.monotonic()
    told = snapshot(mesh=mesh(), peers=peers.snapshot(now), echoes=echoes.read(now))
    seen = view(told)
    assert FAULT.suspicions(seen), "the hint is taken as one"
    return [symptom.subject for symptom in FAULT.symptoms(seen)]


async def test_a_forged_hello_from_a_dead_address_does_not_make_a_healthy_link_one_way(forged: Peers) -> None:
    wire = Wire(eui64(N1))
    with probing(forged, wire) as echoes:
        await wire.times(8, DEAD)
        assert symptoms(forged, echoes) == []
        (echo,) = echoes.read(time.monotonic())
        assert echo.answered >= 7


async def test_silence_of_both_addresses_confirms_the_hint_where_it_answered_before(forged: Peers) -> None:
    wire = Wire(eui64(N1))
    with probing(forged, wire) as echoes:
        await wire.times(3, DEAD)
        wire.answering = ()
        await wire.times(13, DEAD)
        assert wire.asked.count(eui64(N1)) == 13
        assert symptoms(forged, echoes) == [f"hardif/e1/{N1}"]


async def test_silence_of_one_that_never_answered_confirms_no_hint(forged: Peers) -> None:
    wire = Wire()
    with probing(forged, wire) as echoes:
        await wire.times(13, DEAD)
        assert symptoms(forged, echoes) == []


async def test_a_neighbour_whose_address_is_not_made_of_its_mac_keeps_its_streak(forged: Peers) -> None:
    wire = Wire(DEAD)  # a private address this time; the one of its MAC is nobody's
    with probing(forged, wire) as echoes:
        began = time.monotonic()
        while time.monotonic() - began < 1.5 * LOST_AFTER:
            await wire.times(wire.asked.count(DEAD) + 1, DEAD)
        (echo,) = echoes.read(time.monotonic())
        assert echo.streak == echo.answered >= 3


async def test_an_address_made_of_the_mac_is_asked_once(forged: Peers) -> None:
    wire = Wire(eui64(N1))
    with probing(Peers("e1"), wire) as echoes:
        await wire.times(3, eui64(N1))
        (echo,) = echoes.read(time.monotonic())
        assert len(wire.asked) == echo.sent


def silent(echo: Echo) -> bool:
    """Of a neighbour that answered once."""
    known = msgspec.structs.replace(echo, ever_answered=True)
    return answers.echo_silent(view(snapshot(echoes=(known,))), "e1", N1)


async def test_an_answer_that_waits_in_the_socket_of_a_busy_event_loop_is_no_silence() -> None:
    wire, clock = Wire(eui64(N1)), Clock()
    with probing(Peers("e1"), wire, clock) as echoes:
        await wire.times(14, eui64(N1))
        clock.leapt = 0.5  # nothing of the event loop ran since the request
        (echo,) = echoes.read(clock())
        assert (echo.sent, echo.answered, echo.unanswered) == (14, 13, 1)
        assert echo.unanswered_for < 0.12
        assert not silent(echo)
        await wire.times(15, eui64(N1))
        (echo,) = echoes.read(clock())
        assert echo.answered == 14


async def test_a_busy_event_loop_asks_less_and_so_believes_silence_later() -> None:
    wire, clock = Wire(), Clock()
    with probing(Peers("e1"), wire, clock) as echoes:
        await wire.times(1, eui64(N1))
        clock.leapt = 0.5
        await wire.times(2, eui64(N1))
        (echo,) = echoes.read(clock())
        assert echo.unanswered_for >= 0.5
        assert not silent(echo)
        await wire.times(3, eui64(N1))
        (echo,) = echoes.read(clock())
        assert silent(echo)


async def test_silence_is_seen_between_two_requests() -> None:
    wire, clock = Wire(), Stopped()
    with probing(Peers("e1"), wire, clock) as echoes:
        await wire.times(1, eui64(N1))
        clock.leapt += LOOK_PERIOD
        async with asyncio.timeout(WITHIN):
            await wire.looked_at()
        (echo,) = echoes.read(clock())
        assert echo.sent == 1
        assert echo.unanswered_for == pytest.approx(LOOK_PERIOD)


async def test_a_request_a_full_queue_refused_was_never_sent() -> None:
    wire, clock = Wire(), Clock()
    wire.full = True
    with probing(Peers("e1"), wire, clock) as echoes:
        async with asyncio.timeout(WITHIN):
            await wire.refused.wait()
        (echo,) = echoes.read(clock())
        assert (echo.sent, echo.unanswered, echo.unanswered_for) == (0, 0, 0.0)
