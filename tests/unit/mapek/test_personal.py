# SPDX-License-Identifier: Apache-2.0
"""What somebody takes down by hand is restored once, then left alone and said."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.events import Result, Verdict
from agent.mapek.episodes import Memory
from agent.mapek.policy import HEAL, Policy
from tests.unit.mapek.world import Rig, ScriptedAction, ScriptedFault, World

HARDIF = "hardif/e2"
MISSING = "hardif-missing"


def rig(*, by_person: bool = True, undone_within: float = 3600.0) -> Rig:
    def faults(world: World) -> list[Any]:
        fault: Any = ScriptedFault(world, MISSING, [("attach-hardif", {})])
        if by_person:
            fault.by_person = lambda diagnosis: diagnosis.fault == MISSING
        return [fault]

    policy = Policy(
        mode=HEAL,
        budget_per_hour=1000,
        moves_per_two_minutes=100,
        cooldown_first=0.0,
        undone_within=undone_within,
    )
    return Rig(faults, lambda world: [ScriptedAction(world, "attach-hardif", undoable=False)], policy=policy)


def takes_out(at: Rig, seconds: float = 5.0) -> None:
    at.world.breaks(MISSING, HARDIF)
    at.run(seconds)


def restored(at: Rig) -> None:
    at.world.mends(MISSING, HARDIF)
    at.run(2)


def test_it_is_restored_once_and_then_left_alone_and_said() -> None:
    at = rig()
    takes_out(at, 1)
    restored(at)
    assert len(at.acts) == 1
    takes_out(at, 600)
    assert len(at.acts) == 1, "left alone"
    last = at.decisions[-1]
    assert last.verdict is Verdict.NOTHING
    assert last.reason == "left-alone"
    assert "somebody undid" in last.sentence
    assert sum("somebody undid" in decision.sentence for decision in at.decisions) == 1, "said once"


def test_it_is_left_alone_for_as_long_as_it_stays_so() -> None:
    at = rig()
    takes_out(at, 1)
    restored(at)
    takes_out(at)
    at.tick(7200)
    at.run(5)
    assert len(at.acts) == 1


def test_resumed_it_is_restored_again() -> None:
    at = rig()
    takes_out(at, 1)
    restored(at)
    takes_out(at)
    at.healing.resume()
    at.run(2)
    assert len(at.acts) == 2
    restored(at)
    takes_out(at)
    assert len(at.acts) == 2, "and again only once"


def test_put_back_by_hand_the_episode_ends() -> None:
    at = rig()
    takes_out(at, 1)
    restored(at)
    takes_out(at)
    restored(at)
    assert not at.healing.book.open
    assert at.outcomes[-1].result is Result.GONE


def test_long_after_it_was_restored_it_is_restored_again() -> None:
    at = rig(undone_within=600.0)
    takes_out(at, 1)
    restored(at)
    at.tick(601)
    takes_out(at)
    assert len(at.acts) == 2


def test_what_breaks_by_itself_is_restored_again() -> None:
    at = rig(by_person=False)
    takes_out(at, 1)
    restored(at)
    takes_out(at)
    assert len(at.acts) == 2


def test_where_it_is_switched_off_it_is_restored_again() -> None:
    at = rig(undone_within=0.0)
    takes_out(at, 1)
    restored(at)
    takes_out(at)
    assert len(at.acts) == 2


def test_it_is_known_after_a_restart_of_the_agent() -> None:
    at = rig()
    takes_out(at, 1)
    restored(at)
    later = rig()
    later.world.now = at.world.now
    kept = Memory()
    kept.load(at.memory.items())
    later.memory.load(kept.items())
    takes_out(later)
    assert not later.acts


def test_what_could_not_be_restored_is_not_called_undone() -> None:
    at = rig()
    at.actions[0].fails = "EBUSY"
    takes_out(at, 20)
    restored(at)
    relapse = at.memory.last(MISSING, HARDIF, at.world.now)
    assert relapse is None or not relapse.healed
    at.actions[0].fails = ""
    before = len(at.acts)
    takes_out(at, 20)
    assert len(at.acts) > before
    assert msgspec.structs.asdict(at.decisions[-1])["reason"] != "left-alone"
