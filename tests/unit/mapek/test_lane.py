# SPDX-License-Identifier: Apache-2.0
"""A call given up gives nothing more, and its time is that of the sensor it is in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from agent.events import Sample
from agent.mapek import lane
from agent.mapek.lane import Call, Reading

LIMIT = 15.0
PATIENCE = 10.0  # s


def reading(name: str, ended: float) -> Reading:
    return Reading(Sample(name, ended - 1.0, "read"), ended)


def test_each_sensor_has_the_whole_time() -> None:
    call = Call(["links", "mesh"], 100.0)
    assert call.enter("links", 110.0)
    assert call.overdue_at(LIMIT) == 125.0
    assert call.give_up(124.9, LIMIT) is None
    assert call.store(reading("links", 124.9))
    assert call.give_up(130.0, LIMIT) is None
    assert call.enter("mesh", 130.0)
    assert call.give_up(144.9, LIMIT) is None
    assert call.give_up(145.0, LIMIT) == ("mesh", ())


def test_a_thread_given_up_enters_no_sensor_and_what_it_brings_is_dropped() -> None:
    call = Call(["links", "mesh", "echoes"], 100.0)
    call.enter("links", 100.0)
    call.store(reading("links", 101.0))
    call.enter("mesh", 101.0)
    assert call.give_up(101.0 + LIMIT, LIMIT) == ("mesh", ("echoes",))
    assert not call.store(reading("mesh", 120.0))
    assert not call.enter("echoes", 120.0)
    assert [sample.sensor for sample, _ in call.take()] == ["links"]
    assert call.take() == []


def test_a_thread_that_never_begins_is_stuck_before_its_first_sensor() -> None:
    call = Call(["links", "mesh"], 100.0)
    assert call.give_up(100.0 + LIMIT, LIMIT) == ("links", ("mesh",))
    assert not call.enter("links", 116.0)


def test_a_call_that_is_through_is_not_given_up_however_late_the_loop_looks() -> None:
    call = Call(["links"], 100.0)
    call.enter("links", 100.0)
    call.store(reading("links", 101.0))
    assert call.give_up(1000.0, LIMIT) is None


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def waiting(call: Call, clock: Clock, glance: Callable[[float], bool] | None = None) -> Future[list[str]]:
    """The call's thread, at its wait."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call.wait, clock, glance)
    pool.shutdown(wait=False)
    return future


def test_a_thread_waits_until_its_time() -> None:
    clock = Clock()
    call = Call(["links", "mesh"], 100.0, at=100.02)
    future = waiting(call, clock)
    assert not wait([future], timeout=0.1).done, "by its clock it is not time yet"
    clock.now = 100.02
    assert call.hurry(["mesh"], clock.now)
    assert future.result(PATIENCE) == ["mesh"]


def test_a_call_whose_time_has_come_reads_at_once() -> None:
    assert Call(["links", "mesh"], 100.0).wait(Clock(), None) == ["links", "mesh"]


def test_a_hurried_thread_reads_what_it_is_told_and_nothing_planned() -> None:
    call = Call(["links", "host"], 100.0, at=1000.0)
    future = waiting(call, Clock())
    assert call.hurry(["mesh"], 100.5)
    assert future.result(PATIENCE) == ["mesh"]
    assert call.at == 100.5
    assert call.overdue_at(LIMIT) == 115.5, "its time counts from then"


def test_a_thread_that_has_begun_cannot_be_hurried() -> None:
    call = Call(["links"], 100.0)
    call.wait(Clock(), None)
    assert not call.hurry(["mesh"], 100.0)


def test_a_glance_that_asks_ends_the_wait_with_what_was_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "GLANCE", 0.01)
    answers = iter([False, False, True])
    call = Call(["mesh", "echoes"], 100.0, at=1000.0)
    future = waiting(call, Clock(), lambda _: next(answers))
    assert future.result(PATIENCE) == ["mesh", "echoes"]
    assert next(answers, None) is None


def test_waiting_is_not_being_late() -> None:
    call = Call(["mesh"], 100.0, at=160.0)
    assert call.give_up(150.0, LIMIT) is None
    assert call.give_up(160.0 + LIMIT, LIMIT) == ("mesh", ())
