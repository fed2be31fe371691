# SPDX-License-Identifier: Apache-2.0
"""Faults that change slowly are asked once a second, but never too late to explain another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import agent.faults
from agent.events import Suspicion, Symptom
from agent.faults.base import State, View
from agent.mapek.analyse import SELDOM, Analyser
from tests.unit.mapek.world import LINK, ScriptedFault, World

STEP = SELDOM / 10  # s between two readings
AT_EVERY_READING = {
    "link-dead", "one-way", "node-dead", "hardif-missing", "mesh-if-missing", "service-dead"
}  # fmt: skip


class Counted(ScriptedFault):
    """Counts the questions it is asked."""

    def __init__(self, world: World, name: str, *, seldom: bool, explains: Sequence[str] = ()) -> None:
        super().__init__(world, name, explains=explains)
        self.seldom = seldom
        self.asked = 0

    def symptoms(self, view: View) -> Sequence[Symptom]:
        self.asked += 1
        return super().symptoms(view)


class Watched:
    """Readings of a world, a step apart, by an analyser of a quick and a slow fault."""

    def __init__(self) -> None:
        self.world = World()
        self.quick = Counted(self.world, "quick", seldom=False)
        self.slow = Counted(self.world, "slow", seldom=True, explains=("quick",))
        faults: list[Any] = [self.quick, self.slow]
        self.analyser = Analyser(faults)

    def read(self, times: int = 1) -> list[str]:
        """The faults whose symptoms the last reading showed."""
        found: list[Symptom] = []
        for _ in range(times):
            self.world.now += STEP
            found = self.analyser.symptoms(self.world.view())
        return sorted(symptom.fault for symptom in found)

    def show(self, fault: str, state: State = State.PRESENT) -> None:
        self.world.states[fault, LINK] = state


def test_a_slow_fault_without_anything_to_report_is_asked_once_a_second() -> None:
    watched = Watched()
    watched.read(times=30)
    assert watched.quick.asked == 30
    assert watched.slow.asked in (3, 4), "three seconds and perhaps the first reading"


def test_what_a_slow_fault_shows_is_known_a_second_later_at_most() -> None:
    watched = Watched()
    watched.read()
    watched.show("slow")
    assert watched.read(times=round(SELDOM / STEP)) == ["slow"]


def test_a_slow_fault_that_shows_something_is_asked_at_every_reading_so_that_its_end_is_seen() -> None:
    watched = Watched()
    watched.show("slow")
    assert watched.read() == ["slow"]
    watched.show("slow", State.GONE)
    assert watched.read() == []


def test_what_explains_a_new_symptom_is_asked_in_the_same_reading() -> None:
    watched = Watched()
    watched.read()
    watched.show("slow")
    watched.show("quick")
    assert watched.read() == ["quick", "slow"]


def test_suspicions_of_slow_faults_come_a_second_later_at_most_and_end_at_once() -> None:
    watched = Watched()
    doubt = Suspicion("slow", LINK, "it looks odd")
    assert watched.analyser.suspicions(watched.world.view()) == []
    watched.world.suspected = [doubt]
    watched.world.now += SELDOM
    assert watched.analyser.suspicions(watched.world.view()) == [doubt]
    watched.world.suspected = []
    watched.world.now += STEP
    assert watched.analyser.suspicions(watched.world.view()) == []


def test_the_faults_that_take_away_a_way_are_asked_at_every_reading() -> None:
    found = {fault.id for fault in agent.faults.discover() if not getattr(fault, "seldom", False)}
    assert found == AT_EVERY_READING
