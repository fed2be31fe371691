# SPDX-License-Identifier: Apache-2.0
"""Whether a neighbour answers at all is learnt while it is well: a few requests, and seldom again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator

import pytest

from agent.faults import answers
from agent.hello.peers import eui64
from agent.sensors import echoes as module
from agent.sensors.acquaintances import AGAIN_FIRST, AGAIN_MAX, MAX_KNOWN, Acquaintances
from agent.sensors.echoes import LEARN_AT_ONCE, MAX_TARGETS, QUESTIONS, Echoes
from tests.unit.faults.hand import N1, snapshot, view
from tests.unit.sensors.test_echoes import INDEX, WITHIN, Wire

NEAR = ("e1", N1)


def many(count: int, first: int = 0) -> list[tuple[str, str]]:
    return [("e1", f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}") for n in range(first, first + count)]


def test_a_newcomer_is_asked_once_and_one_that_answered_never_again() -> None:
    known = Acquaintances()
    assert known.due([NEAR], 0.0, 8) == [NEAR]
    assert known.due([NEAR], 1.0, 8) == []
    known.answered(NEAR)
    assert known.knows(NEAR)
    assert known.due([NEAR], 1e6, 8) == []


def test_one_that_never_answers_is_asked_ever_more_seldom() -> None:
    known = Acquaintances()
    asked = [now for now in range(7200) if known.due([NEAR], float(now), 8)]
    waits = [after - before for before, after in itertools.pairwise(asked)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (AGAIN_FIRST, AGAIN_MAX)
    assert len(asked) < 20


def test_no_more_are_asked_at_once_than_wanted_the_others_have_their_turn() -> None:
    known = Acquaintances()
    crowd = many(20)
    turns = [known.due(crowd, float(now), 8) for now in range(4)]
    assert [len(turn) for turn in turns] == [8, 8, 4, 0]
    assert sorted(key for turn in turns for key in turn) == crowd


def test_invented_neighbours_displace_nobody_who_is_there() -> None:
    known = Acquaintances()
    known.due([NEAR], 0.0, 8)
    known.answered(NEAR)
    for start in range(0, 10 * MAX_KNOWN, 64):
        flood = many(64, start)
        for key in known.due([NEAR, *flood], float(start), 64):
            known.answered(key)
    assert known.knows(NEAR)
    assert len(known._answered) <= MAX_KNOWN
    assert len(known._asked) <= MAX_KNOWN


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Of a neighbour that does not answer yet; questions come fast."""
    monkeypatch.setattr(module, "SLOW_PERIOD", 0.01)
    return Wire()


@contextlib.contextmanager
def asking(wire: Wire) -> Iterator[Echoes]:
    echoes = Echoes(lambda _, mac: eui64(mac), index=lambda _: INDEX, open_socket=lambda: wire)
    echoes.start()
    try:
        yield echoes
    finally:
        echoes.stop()


async def idle(echoes: Echoes) -> None:
    """Until nobody is asked any more."""
    async with asyncio.timeout(WITHIN):
        while echoes._targets:  # noqa: ASYNC110 - the loop under test has no event for it
            await asyncio.sleep(0)


async def test_a_newcomer_that_is_silent_costs_a_handful_of_requests_and_is_no_suspect(wire: Wire) -> None:
    with asking(wire) as echoes:
        echoes.meet([NEAR])
        await wire.times(1, eui64(N1))
        assert echoes.read(time.monotonic()) == ()
        for _ in range(3):
            echoes.meet([NEAR])
            await idle(echoes)
        assert len(wire.asked) == QUESTIONS


async def test_what_was_learnt_is_told_when_it_is_doubted_later(wire: Wire) -> None:
    wire.answering = (eui64(N1),)
    with asking(wire) as echoes:
        echoes.meet([NEAR])
        await idle(echoes)
        assert len(wire.asked) < QUESTIONS
        wire.answering = ()
        echoes.probe(*NEAR)
        (echo,) = echoes.read(time.monotonic())
        assert (echo.sent, echo.answered, echo.ever_answered) == (0, 0, True)
        assert answers.ever_answered(view(snapshot(peers=(), echoes=(echo,))), *NEAR)


async def test_a_doubt_begins_anew_whatever_was_asked_to_learn(wire: Wire) -> None:
    with asking(wire) as echoes:
        echoes.meet([NEAR])
        await wire.times(4, eui64(N1))
        echoes.probe(*NEAR)
        (echo,) = echoes.read(time.monotonic())
        assert (echo.sent, echo.unanswered, echo.unanswered_for, echo.ever_answered) == (0, 0, 0.0, False)


async def test_an_answer_after_the_last_question_still_counts(wire: Wire) -> None:
    with asking(wire) as echoes:
        echoes.meet([NEAR])
        await idle(echoes)
        wire.answer_late(eui64(N1), len(wire.asked))
        await wire.looked_at()
        echoes.probe(*NEAR)
        assert [echo.ever_answered for echo in echoes.read(time.monotonic())] == [True]


async def test_who_is_doubted_goes_before_those_of_whom_something_is_learnt(wire: Wire) -> None:
    with asking(wire) as echoes:
        for hardif, mac in many(MAX_TARGETS - LEARN_AT_ONCE):
            assert echoes.probe(hardif, mac)
        echoes.meet(many(100, 1000))
        assert len(echoes._targets) == MAX_TARGETS
        for hardif, mac in many(LEARN_AT_ONCE, 5000):
            assert echoes.probe(hardif, mac)
        assert len(echoes._targets) == MAX_TARGETS
        assert echoes.refused == 0
        assert not echoes.probe(*NEAR)
        assert len(echoes.read(time.monotonic())) == MAX_TARGETS
