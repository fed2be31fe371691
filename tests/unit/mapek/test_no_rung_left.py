# SPDX-License-Identifier: Apache-2.0
"""Faults whose ladder is used up, or empty for now: when they end, what is kept of them, who may go on."""

from __future__ import annotations

from typing import Any

from agent.events import Verdict
from agent.faults.base import State
from agent.mapek.episodes import Phase
from agent.mapek.loopstatus import needs_person
from tests.unit.mapek.ladders import StillShowing, services, two_rungs
from tests.unit.mapek.world import LINK, SERVICE, Rig


def _fault(rig: Rig, name: str) -> Any:
    return rig.healing.analyser.faults[name]


def test_a_sign_that_is_back_before_the_wait_is_over_waits_for_the_rest_of_it_and_needs_a_person() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    rig.world.signless.add("service-dead")
    rig.run(11)
    assert not rig.healing.book.open
    rig.world.signless.clear()
    rig.run(500)
    assert (len(rig.acts), rig.decisions[-1].reason) == (1, "cooling")
    assert all(needs_person(episode) for episode in rig.healing.book.open.values())
    rig.run(40)
    assert len(rig.acts) == 2, "ten minutes after the last rung failed, as if it had never been gone"


def test_a_fault_that_waits_for_its_next_try_is_none_any_more_without_its_sign() -> None:
    rig = Rig(services)
    for _ in range(2):
        rig.world.breaks("service-dead", SERVICE)
        rig.run(60)
        rig.world.signless.add("service-dead")
        rig.run(11)
        rig.world.signless.clear()
    assert not rig.healing.book.open


def test_a_link_that_is_held_out_is_not_given_back_because_nothing_can_be_done_just_now() -> None:
    rig = Rig(two_rungs)
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.tick()
    ladder, _fault(rig, "link-dead").rungs = _fault(rig, "link-dead").rungs, ()  # all are silent at once
    rig.world.breaks("link-dead")
    rig.run(3)
    assert rig.open_seqs
    assert rig.results() == ["contained"]
    _fault(rig, "link-dead").rungs = ladder
    rig.tick()
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif", "hasten-ogms"]


def test_an_empty_ladder_is_not_a_used_one() -> None:
    rig = Rig(two_rungs)
    rig.world.breaks("link-dead")
    rig.tick()
    ladder, _fault(rig, "link-dead").rungs = _fault(rig, "link-dead").rungs, ()
    rig.run(6)
    assert (rig.decisions[-1].verdict, rig.decisions[-1].reason) == (Verdict.NOTHING, "no-rung")
    assert rig.memory.last("link-dead", LINK, rig.world.now) is None
    _fault(rig, "link-dead").rungs = ladder
    rig.tick()
    assert [act.diagnosis.id for act in rig.acts] == ["e1", "e1"]


def test_contained_meanwhile_it_is_not_closed_as_failed_when_its_wait_is_over() -> None:
    rig = Rig(lambda world: [StillShowing(world, "link-dead")])
    rig.world.breaks("link-dead")
    rig.run(6)
    assert rig.results() == ["failed", "failed"]
    rig.world.contained("link-dead")
    rig.run(60)
    assert [(e.id, e.phase) for e in rig.healing.book.open.values()] == [("e1", Phase.CONTAINED)]
    rig.world.states["link-dead", LINK] = State.PRESENT
    rig.run(1)
    assert [act.diagnosis.id for act in rig.acts] == ["e1", "e2"], "its wait is long over"


def test_resumed_by_a_person_it_begins_as_if_it_had_come_first_now() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(700)  # twice tried: the next wait would be twenty minutes
    rig.healing.resume()
    rig.run(1)
    [episode] = rig.healing.book.open.values()
    assert (len(rig.acts), episode.relapses, needs_person(episode)) == (3, 0, False)
    rig.run(6)
    assert needs_person(episode)
    assert episode.retry_at is not None
    assert 590 < episode.retry_at - rig.world.now <= 600


def test_resumed_after_a_restart_of_the_agent_it_waits_no_longer() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    later = Rig(services)
    later.world.now = rig.world.now
    later.memory.load(rig.memory.items())
    later.world.breaks("service-dead", SERVICE)
    later.run(5)
    assert not later.acts
    later.healing.resume()
    later.tick()
    [episode] = later.healing.book.open.values()
    assert (len(later.acts), episode.relapses, needs_person(episode)) == (1, 0, False)
