# SPDX-License-Identifier: Apache-2.0
"""Loss of links: how often a neighbour is asked, and what counts as lost."""

from __future__ import annotations

import asyncio
import os
import random
import socket

import pytest

from agent.hello.peers import eui64
from agent.kernel.echo import EchoReply
from agent.kernel.errors import RefusedError
from agent.sensors.losses import MAX_METERS, WANTED_FOR, Losses
from agent.sensors.lossmeter import CUT_RUN, LOST_AFTER, QUICK_EVERY, SLOW_PERIOD, WINDOW, LossMeter

N1 = "02:78:30:01:00:02"
STEP = 0.05


def played(meter: LossMeter, seconds: float, share: float, seed: int = 7, begin: float = 0.0) -> int:
    """Lets it ask over a link that loses this share of the echoes; how many were asked."""
    chance, sequence, now = random.Random(seed), round(begin * 1000), begin
    asked = 0
    while now < begin + seconds:
        meter.judge(now)
        if meter.due <= now:
            sequence += 1
            asked += 1
            meter.asked(sequence, now)
            if chance.random() >= share:
                meter.answer(sequence, now + 0.001)
        now += STEP
    return asked


def test_a_healthy_link_is_asked_every_other_second() -> None:
    meter = LossMeter("e1", N1, 0.0)
    assert played(meter, 100, 0.0) == pytest.approx(100 / SLOW_PERIOD, abs=2)
    found = meter.reading(100.0)
    assert (found.asked, found.lost, found.spells) == (WINDOW, 0, 0)


def test_a_lossy_link_shows_itself_within_seconds() -> None:
    meter = LossMeter("e1", N1, 0.0)
    played(meter, 60, 0.0)
    played(meter, 12, 0.5, begin=60.0)
    found = meter.reading(72.0)
    assert found.lost >= 10
    assert found.spells >= 3


def test_a_link_that_stays_lossy_is_not_asked_without_end() -> None:
    assert played(LossMeter("e1", N1, 0.0), 300, 0.3) <= 300 / QUICK_EVERY * 35


def test_a_link_that_is_cut_is_asked_slowly_and_counts_as_one_loss_when_it_is_back() -> None:
    meter = LossMeter("e1", N1, 0.0)
    played(meter, 30, 0.0)
    played(meter, 60, 1.0, begin=30.0)
    cut = meter.reading(90.0)
    assert cut.lost > CUT_RUN
    assert cut.spells == 1
    played(meter, 10, 0.0, begin=90.0)
    assert meter.reading(100.0).lost == 1


def test_the_last_ones_lost_in_a_cut_are_one_spell_though_newer_ones_were_answered_first() -> None:
    meter = LossMeter("e1", N1, 0.0)
    for number in range(20):
        meter.asked(number, number * 0.1)
        if not 10 <= number < 15:  # the cut: half a second, over before the first of it is given up
            meter.answer(number, number * 0.1 + 0.001)
    meter.judge(1.9 + LOST_AFTER + STEP)
    found = meter.reading(3.0)
    assert (found.asked, found.lost, found.spells) == (20, 5, 1)


def test_a_neighbour_that_never_answered_is_asked_at_rest_only() -> None:
    assert played(LossMeter("e1", N1, 0.0), 100, 1.0) <= 100 / SLOW_PERIOD + 1


def test_an_answer_that_is_late_by_less_than_a_second_is_no_loss() -> None:
    meter = LossMeter("e1", N1, 0.0)
    meter.asked(1, 0.0)
    meter.judge(LOST_AFTER - 0.1)
    meter.answer(1, LOST_AFTER - 0.1)
    assert meter.reading(1.0).lost == 0
    meter.asked(2, 1.0)
    meter.judge(1.0 + LOST_AFTER + 0.1)
    meter.answer(2, 2.5)
    assert (meter.reading(3.0).asked, meter.reading(3.0).lost) == (2, 1)


def test_under_treatment_fifty_requests_tell_within_fifteen_seconds() -> None:
    meter = LossMeter("e1", N1, 0.0)
    now = 0.0
    while now < 15.0:
        meter.treat(now)
        played(meter, 0.5, 0.0, begin=now)
        now += 0.5
    assert meter.reading(15.0).asked == WINDOW


class Wire:
    """A socket whose requests the test answers."""

    def __init__(self) -> None:
        self._ends = socket.socketpair()
        self.sent: list[tuple[int, str, int]] = []
        self.replies: list[EchoReply] = []
        self.refuses = False
        self.asks = asyncio.Semaphore(0)

    def fileno(self) -> int:
        return self._ends[0].fileno()

    def send(self, index: int, address: str, ident: int, sequence: int) -> None:
        assert ident == os.getpid() & 0xFFFF
        if self.refuses:
            raise RefusedError("down")
        self.sent.append((index, address, sequence))
        self.asks.release()

    def answer(self, index: int, address: str, sequence: int) -> None:
        self.replies.append(EchoReply(index, address, sequence, 0.0))
        self._ends[1].send(b"x")

    def receive(self) -> list[EchoReply]:
        if self.replies:
            self._ends[0].recv(100)
        found, self.replies = self.replies, []
        return found

    def close(self) -> None:
        for end in self._ends:
            end.close()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sensor(wire: Wire, clock: Clock) -> Losses:
    return Losses(lambda hardif, mac: eui64(mac), index=lambda name: 7, open_socket=lambda: wire, clock=clock)


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0.001)


async def asked(wire: Wire, count: int) -> None:
    async with asyncio.timeout(2):
        for _ in range(count):
            await wire.asks.acquire()


async def test_a_neighbour_that_is_well_is_asked_and_its_answer_counts() -> None:
    wire, clock = Wire(), Clock()
    losses = sensor(wire, clock)
    losses.start()
    losses.meet([("e1", N1)])
    await asked(wire, 1)
    wire.answer(*wire.sent[0])
    await turn()
    found = losses.read(clock.now)
    losses.stop()
    assert [(one.hardif, one.mac, one.asked, one.lost) for one in found] == [("e1", N1, 1, 0)]


@pytest.mark.parametrize("wrong", ["interface", "address", "sequence"])
async def test_answers_to_other_questions_do_not_count(wrong: str) -> None:
    wire, clock = Wire(), Clock()
    losses = sensor(wire, clock)
    losses.start()
    losses.meet([("e1", N1)])
    await asked(wire, 1)
    index, address, sequence = wire.sent[0]
    wire.answer(
        8 if wrong == "interface" else index,
        "fe80::bad" if wrong == "address" else address,
        sequence + 1 if wrong == "sequence" else sequence,
    )
    await turn()
    found = losses.read(clock.now)
    losses.stop()
    assert found[0].asked == 0


async def test_what_could_not_be_sent_says_nothing_of_the_link() -> None:
    wire, clock = Wire(), Clock()
    wire.refuses = True
    losses = sensor(wire, clock)
    losses.start()
    losses.meet([("e1", N1)])
    await turn()
    clock.now += 5
    losses.meet([("e1", N1)])
    await turn()
    found = losses.read(clock.now)
    losses.stop()
    assert found[0].asked == 0


async def test_who_is_no_longer_there_is_no_longer_asked() -> None:
    wire, clock = Wire(), Clock()
    losses = sensor(wire, clock)
    losses.start()
    losses.meet([("e1", N1)])
    await asked(wire, 1)
    clock.now += WANTED_FOR + 1
    losses.meet([])
    await turn()
    found = losses.read(clock.now)
    losses.stop()
    assert found == ()


async def test_a_flood_of_invented_neighbours_is_bounded() -> None:
    wire, clock = Wire(), Clock()
    losses = sensor(wire, clock)
    losses.start()
    losses.meet([("e1", f"02:00:00:00:{n // 256:02x}:{n % 256:02x}") for n in range(1000)])
    assert len(losses.read(clock.now)) == MAX_METERS
    losses.stop()
