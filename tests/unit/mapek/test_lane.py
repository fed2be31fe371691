# SPDX-License-Identifier: Apache-2.0
"""A call given up gives nothing more, and its time is that of the sensor it is in."""

from __future__ import annotations

from agent.events import Sample
from agent.mapek.lane import Call, Reading

LIMIT = 15.0


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
