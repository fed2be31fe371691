# SPDX-License-Identifier: Apache-2.0
"""What was done is put back: when it failed, when it is no longer needed, when healing is switched off."""

import msgspec
import pytest

from agent import remedies
from agent.faults.base import State
from agent.mapek.episodes import Phase
from agent.mapek.limits import MOVE_WINDOW
from agent.mapek.plan import Planner
from agent.mapek.policy import OBSERVE
from tests.unit.mapek.ladders import two_rungs
from tests.unit.mapek.world import (
    LINK,
    Rig,
    ScriptedAction,
    ScriptedFault,
    World,
)


def test_a_pause_verifies_and_puts_back_what_was_begun() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.tick()
    rig.healing.standing.paused_until = rig.world.now + 900
    rig.world.mends("link-dead")
    rig.run(10)
    assert not rig.open_seqs
    assert rig.results() == ["contained", "healed"]


def test_a_failed_action_is_rolled_back_at_its_deadline_and_the_next_rung_follows() -> None:
    rig = Rig(two_rungs)
    rig.world.breaks("link-dead")
    rig.run(5.5)
    assert len(rig.undos) == 1
    assert rig.results() == ["failed"]
    assert "not verified within 5 s; put back" in rig.outcomes[0].sentence
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif", "hasten-ogms"]


def test_an_action_that_raises_is_put_back_and_the_next_rung_follows() -> None:
    def actions(world: World) -> list[ScriptedAction]:
        return [ScriptedAction(world, "detach-hardif", fails="EBUSY"), ScriptedAction(world, "hasten-ogms")]

    rig = Rig(two_rungs, actions)
    rig.world.breaks("link-dead")
    rig.run(0.75)
    assert rig.results() == ["error"]
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif", "hasten-ogms"]
    assert len(rig.undos) == 1


def test_an_undo_that_fails_is_tried_again_with_back_off_until_it_works() -> None:
    rig = Rig(auto=False)
    rig.world.breaks("link-dead")
    rig.acted(rig.tick().acts[0])
    rig.world.mends("link-dead")
    rig.run(3)
    for expected in (1.0, 2.0, 4.0):
        undo = rig.undos[-1]
        rig.undone(undo, "the kernel said no")
        count = len(rig.undos)
        rig.run(expected - 0.5)
        assert len(rig.undos) == count
        rig.run(0.75)
        assert len(rig.undos) == count + 1
    rig.undone(rig.undos[-1])
    rig.tick()
    assert rig.results() == ["contained", "healed"]
    assert not rig.healing.book.open


def test_a_dead_link_that_answers_again_is_put_back_and_the_episode_ends_healed() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.run(20)
    assert rig.open_seqs
    assert rig.results() == ["contained"]
    rig.world.mends("link-dead")
    rig.run(0.5)
    assert not rig.open_seqs
    assert rig.results() == ["contained", "healed"]
    assert not rig.healing.book.open


def test_a_relapse_of_a_contained_fault_is_contained_at_once_but_returns_later_each_time() -> None:
    rig = Rig()
    out = []
    for _ in range(4):
        rig.world.breaks("link-dead")
        began = rig.world.now
        assert rig.tick().acts, "a containment is never delayed"
        rig.world.contained("link-dead")
        rig.tick()
        rig.world.mends("link-dead")
        while rig.open_seqs:
            rig.tick()
        out.append(rig.world.now - began)
        rig.tick(MOVE_WINDOW + 1)
    assert out == sorted(out)
    assert out[0] < 3
    assert out[3] >= 16


def test_what_is_needed_is_given_back_at_once_whatever_its_relapses() -> None:
    rig = Rig()
    for _ in range(3):
        rig.world.breaks("link-dead")
        assert rig.tick().acts
        rig.world.contained("link-dead")
        rig.tick()
        rig.world.states["link-dead", LINK] = State.NEEDED
        rig.tick()
        assert not rig.open_seqs
        rig.world.mends("link-dead")
        rig.tick(MOVE_WINDOW + 1)


def test_switching_to_observe_puts_back_what_remedies_changed() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.tick()
    rig.healing.standing.policy = msgspec.structs.replace(rig.healing.standing.policy, mode=OBSERVE)
    rig.run(1)
    assert not rig.open_seqs
    assert len(rig.acts) == 1


def test_a_containment_that_no_longer_holds_is_treated_again_but_not_for_one_odd_reading() -> None:
    rig = Rig(two_rungs)
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.tick()
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.run(10)
    assert len(rig.acts) == 1
    rig.world.breaks("link-dead")
    rig.run(4)
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif", "hasten-ogms"]


def test_what_serves_only_to_contain_is_put_back_once_contained() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead", [("hasten-ogms", {})])])
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.run(1)
    assert not rig.open_seqs
    assert [e.phase for e in rig.healing.book.open.values()] == [Phase.CONTAINED]
    rig.world.mends("link-dead")
    rig.tick()
    assert rig.results() == ["contained", "healed"]


def _cure(world: World) -> list[ScriptedAction]:
    return [ScriptedAction(world, "set-mac", temporary=True, cures=True)]


def test_a_cure_is_no_containment_so_a_relapse_of_it_cools_down() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "mac-duplicate", [("set-mac", {})])], _cure)
    rig.world.breaks("mac-duplicate")
    rig.tick()
    rig.world.mends("mac-duplicate")
    rig.run(1)
    assert not rig.open_seqs
    assert rig.results() == ["healed"]
    for untrue in ("depends", "put back"):
        assert untrue not in rig.outcomes[-1].sentence
    rig.world.breaks("mac-duplicate")
    rig.run(1)
    assert len(rig.acts) == 1
    assert rig.decisions[-1].reason == "cooling"


def test_what_held_a_link_until_it_answered_is_a_containment_which_is_never_delayed() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead", [("hasten-ogms", {})])])
    for times in (1, 2):
        rig.world.breaks("link-dead")
        rig.tick()
        assert len(rig.acts) == times
        rig.world.mends("link-dead")
        rig.run(1)


@pytest.mark.parametrize(
    ("action", "cures"),
    [("set-mac", True), ("rejoin-mesh", True), ("restart-radio", True), ("hasten-ogms", False)],
)
def test_the_record_of_a_cure_is_only_for_who_is_killed_meanwhile(action: str, cures: bool) -> None:
    planner = Planner(remedies.discover())
    assert planner.cures(action) is cures
    assert planner.temporary(action)
