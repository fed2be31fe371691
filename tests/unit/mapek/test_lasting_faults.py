# SPDX-License-Identifier: Apache-2.0
"""Faults the node cannot mend: they ask for a person, and leave the links their healer."""

from __future__ import annotations

import pytest

from agent.events import Result
from agent.hostreadings import Disk, Heat, Host, Process
from agent.mapek.limits import reserve
from agent.mapek.loopstatus import needs_person
from agent.mapek.policy import Policy
from agent.readings import Service
from tests.unit.faults.machine import MB, host
from tests.unit.mapek.machineworld import MachineWorld
from tests.unit.mapek.wireworld import WireWorld

BROKER = Service("broker", "running", 77)
FULL = host(disks=(Disk("/", 8000 * MB, 10 * MB, 500_000, 400_000),))
SHORT = host(mem_available=10 * MB, biggest=(Process(77, "broker", 500 * MB),))
UNMENDABLE = [(FULL, 3), (SHORT, 2)]  # readings, rungs of the ladder
HOURS = 3


def at(celsius: float) -> Host:
    return host(heat=Heat("cpu-thermal", celsius, 80.0))


@pytest.mark.parametrize(("reading", "rungs"), UNMENDABLE, ids=["disk-full", "memory-pressure"])
def test_a_fault_of_the_machine_that_stays_asks_for_a_person_from_its_last_rung_on(
    reading: Host, rungs: int
) -> None:
    world = MachineWorld(reading, (BROKER,))
    world.run(90)
    assert len(world.acts) == rungs
    for _ in range(int(HOURS * 3600 / 5)):
        world.tick()
        assert needs_person(world.episode), "also while it tries again"


@pytest.mark.parametrize(("reading", "rungs"), UNMENDABLE, ids=["disk-full", "memory-pressure"])
def test_a_fault_of_the_machine_that_stays_leaves_the_links_their_budget(reading: Host, rungs: int) -> None:
    world = MachineWorld(reading, (BROKER,))
    policy = Policy()
    while world.now < 1000.0 + HOURS * 3600:
        world.tick()
        assert world.limits.budget_left(policy.budget_per_hour, world.now) >= reserve(policy.budget_per_hour)
    first = [at for at, _ in world.acts][::rungs]
    assert len(first) <= 6, "ten minutes later, then twenty, forty, and every hour"


def test_a_service_that_stays_dead_is_restarted_twice_and_then_seldom() -> None:
    world = MachineWorld(host(), (Service("broker", "running", 77),))
    world.tick()
    world.services = (Service("broker", "gone", None, "no process", 5.0),)
    world.run(60)
    assert [action for _, action in world.acts] == ["restart-service"] * 2
    world.run(HOURS * 3600)
    assert len(world.acts) <= 2 * 6
    assert needs_person(world.episode)


def test_on_a_line_a_dead_link_asks_for_a_person_and_is_watched() -> None:
    world = WireWorld(lambda age: 1.0 if 30 <= age < 90 else 0.0, other_way=False)
    world.run(32)
    assert "link-dead" in world.named, world.said
    world.run(28)
    [episode] = world.healing.book.open.values()
    assert needs_person(episode), world.said
    assert [action for _, action in world.acts] == ["hasten-ogms"]
    world.run(60)
    assert not world.healing.book.open, world.said


def test_while_it_is_hot_the_agent_rests_and_the_remedy_costs_one_action() -> None:
    world = MachineWorld(at(84.0))
    world.run(3600)
    assert [action for _, action in world.acts] == ["rest"]
    assert world.held, "never given back while it is hot"
    assert (world.episode.phase, needs_person(world.episode)) == ("contained", False)
    world.host = at(78.0)
    world.run(600)
    assert world.held, "nor before it is clearly cooler"
    world.host = at(74.0)
    world.run(60)
    assert world.undone == ["rest"]
    assert [outcome.result for outcome in world.outcomes] == [Result.CONTAINED, Result.HEALED]


def test_a_disk_that_is_full_no_more_and_not_yet_well_asks_for_nobody() -> None:
    world = MachineWorld(FULL, (BROKER,))
    world.run(90)
    assert needs_person(world.episode)
    world.host = host(disks=(Disk("/", 8000 * MB, 450 * MB, 500_000, 400_000),))
    world.run(20)
    assert not world.healing.book.open
    world.host = FULL
    world.run(60)
    assert needs_person(world.episode)
    assert len(world.acts) == 3, "its wait goes on"
    world.run(600)
    assert len(world.acts) == 6


def test_where_nobody_measures_the_heat_any_more_the_agent_rests_no_longer() -> None:
    world = MachineWorld(at(84.0))
    world.run(60)
    assert world.held
    world.host = host(heat=None)
    world.run(20)
    assert world.held, "a reading may fail"
    world.run(120)
    assert world.undone == ["rest"]
    assert not world.healing.book.open
