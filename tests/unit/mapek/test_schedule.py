# SPDX-License-Identifier: Apache-2.0
"""When sensors are read: bursts are bounded, failures back off."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from agent.mapek.schedule import (
    BLOCKED_FIRST,
    BLOCKED_MAX,
    BURST,
    BURST_PER_KEY,
    BURST_TOTAL,
    BURST_WINDOW,
    MAX_KEYS,
    RETRY_MAX,
    SIMMER,
    Attention,
    Timetable,
)
from agent.sensors.base import Look, Pace


class Mesh:
    name: ClassVar[str] = "mesh"

    def period(self, attention: bool) -> float:
        return 0.01 if attention else 0.25

    def read(self, now: float) -> None: ...


class Host:
    name: ClassVar[str] = "host"

    def period(self, attention: bool) -> float:
        return 5.0

    def read(self, now: float) -> None: ...


def bursting(attention: Attention, keys: list[tuple[str, str]], seconds: float) -> float:
    """Seconds of bursts while these are suspected all the time."""
    ticks = round(seconds * 10)
    spent = 0
    for tick in range(ticks):
        attention.suspect(keys, 100.0 + tick / 10)
        spent += attention.bursting(100.0 + tick / 10)
    return spent / 10


def test_who_rests_looks_half_as_often_and_in_no_bursts_but_still_closer_at_what_is_suspected() -> None:
    attention = Attention()
    attention.resting = True
    assert attention.period(Mesh(), 100.0) == 0.5
    assert attention.period(Host(), 100.0) == 10.0
    attention.suspect([("link-dead", "a")], 100.0)
    assert not attention.bursting(100.0)
    assert attention.period(Mesh(), 100.0) == SIMMER
    assert attention.pace(100.0).look is Look.SIMMER
    attention.resting = False
    assert attention.period(Mesh(), 100.0) == 0.01


def test_a_suspicion_starts_a_burst_of_two_seconds() -> None:
    attention = Attention()
    assert attention.period(Mesh(), 100.0) == 0.25
    attention.suspect([("link-dead", "a")], 100.0)
    assert attention.period(Mesh(), 100.0 + BURST - 0.01) == 0.01
    assert attention.period(Mesh(), 100.0 + BURST) == 0.25
    assert attention.period(Host(), 100.1) == 5.0


class Disk:
    name: ClassVar[str] = "host"

    def period(self, attention: bool) -> float:
        return 2.0 if attention else 5.0

    def read(self, now: float) -> None: ...


def test_a_burst_does_not_make_slow_readings_more_frequent_but_what_follows_it_does() -> None:
    attention = Attention()
    attention.suspect([("link-dead", "a")], 100.0)
    assert attention.period(Mesh(), 100.1) == 0.01
    assert attention.period(Disk(), 100.1) == 5.0
    end = 100.0 + BURST
    attention.suspect([("link-dead", "a")], end - 0.1)
    assert not attention.bursting(end + 0.1)
    assert attention.period(Disk(), end + 0.1) == 2.0


def test_a_permanent_suspicion_simmers() -> None:
    attention = Attention()
    assert bursting(attention, [("link-dead", "a")], BURST_WINDOW) <= BURST_PER_KEY + 0.2
    assert attention.period(Mesh(), 100.0 + BURST_WINDOW - 0.2) == SIMMER


def test_a_new_suspicion_gets_its_burst_beside_a_permanent_one() -> None:
    attention = Attention()
    bursting(attention, [("link-dead", "a")], 20)
    attention.suspect([("link-dead", "a"), ("link-dead", "b")], 121.0)
    assert attention.bursting(121.0)


@given(st.integers(1, 400))
def test_bursts_of_all_suspicions_are_bounded(count: int) -> None:
    attention = Attention()
    spent = 0.0
    for tick in range(600):
        keys = [("link-dead", f"{tick}-{number}") for number in range(count % 7 + 1)]
        attention.suspect(keys, 100.0 + tick / 10)
        spent += attention.bursting(100.0 + tick / 10) / 10
    assert spent <= BURST_TOTAL + BURST + 0.2


def test_readings_that_are_nearly_due_share_a_wake_up() -> None:
    table = Timetable([Mesh(), Host()], 100.0)
    for name in ("mesh", "host"):
        table.begun(name, 100.0)
        table.good(name, 100.0)
    assert table.due(["mesh", "host"], 100.1) == []
    assert table.due(["mesh", "host"], 104.9) == ["mesh", "host"]


def test_what_was_asked_for_is_due_at_once() -> None:
    table = Timetable([Mesh(), Host()], 100.0)
    table.begun("mesh", 100.0)
    table.good("mesh", 100.0)
    table.want(["mesh", "nonsense"])
    assert table.due_at("mesh", 100.01) == 100.01
    table.begun("mesh", 100.01)
    table.good("mesh", 100.01)
    assert table.due(["mesh"], 100.02) == []


def test_a_failing_sensor_backs_off_and_a_good_reading_ends_it() -> None:
    table = Timetable([Mesh()], 100.0)
    now, waits = 100.0, []
    for _ in range(12):
        table.begun("mesh", now)
        table.failed("mesh", now)
        waits.append(table.due_at("mesh", now) - now)
        now += waits[-1]
    assert waits[0] == 0.25  # an interface may vanish in mid-read: the first is retried as usual
    assert waits[1:4] == [1.0, 2.0, 4.0]
    assert waits[-1] == RETRY_MAX
    table.want(["mesh"])
    assert table.due_at("mesh", now - 1) >= now - 1
    table.begun("mesh", now)
    table.good("mesh", now)
    assert table.due_at("mesh", now) == now + 0.25


def test_a_blocking_sensor_backs_off_longer_even_when_asked_for() -> None:
    table = Timetable([Mesh()], 100.0)
    assert table.blocked("mesh", 100.0) == BLOCKED_FIRST
    table.want(["mesh"])
    assert table.due(["mesh"], 100.0 + BLOCKED_FIRST - 1) == []
    assert table.due(["mesh"], 100.0 + BLOCKED_FIRST) == ["mesh"]
    for _ in range(20):
        wait = table.blocked("mesh", 200.0)
    assert wait == BLOCKED_MAX
    table.returned("mesh", 300.0)  # it was slow, not stuck
    assert table.due(["mesh"], 300.0 + BLOCKED_FIRST - 1) == []
    assert table.due(["mesh"], 300.0 + BLOCKED_FIRST) == ["mesh"]


def test_a_late_return_puts_nothing_off_that_goes_on_already() -> None:
    table = Timetable([Mesh()], 100.0)
    table.blocked("mesh", 100.0)
    table.good("mesh", 130.0)
    table.returned("mesh", 131.0)
    assert table.due(["mesh"], 131.0) == ["mesh"]


class Deep(Mesh):
    """Is told how closely to look."""

    def __init__(self) -> None:
        self.paces: list[Pace] = []

    def pace(self, pace: Pace) -> None:
        self.paces.append(pace)


def test_a_sensor_is_told_the_pace_before_each_reading_and_for_how_long_nothing_new_was_suspected() -> None:
    deep = Deep()
    table = Timetable([deep], 100.0)
    table.begun("mesh", 100.0)
    for tick in range(300):
        table.attention.suspect([("link-dead", "a")], 110.0 + tick / 10)
    table.begun("mesh", 140.0)
    table.attention.suspect([("link-dead", "a"), ("link-dead", "b")], 141.0)
    table.begun("mesh", 141.5)
    table.begun("mesh", 150.0)
    assert deep.paces == [
        Pace(Look.CALM),
        Pace(Look.SIMMER, 30.0),
        Pace(Look.BURST, 0.5),
        Pace(Look.CALM),
    ]


def test_what_suspicions_are_remembered_is_bounded() -> None:
    attention = Attention()
    for tick in range(20):
        attention.suspect([("link-dead", f"{tick}-{number}") for number in range(1000)], 100.0 + tick)
    assert len(attention._seen) <= MAX_KEYS
