# SPDX-License-Identifier: Apache-2.0
"""Links that come and go: at most two moves in two minutes, and never without a way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.faults.base import State
from agent.mapek.episodes import STEADY
from agent.mapek.limits import MAX_MOVES, MOVE_WINDOW
from agent.mapek.policy import HEAL, Policy
from tests.unit.mapek.world import LINK, Rig, ScriptedAction, ScriptedFault, World

POLICY = Policy(mode=HEAL, budget_per_hour=1000)
STEP = 0.25


def rig(faults: Callable[[World], Any] | None = None) -> Rig:
    made = faults or (lambda world: [ScriptedFault(world, "link-dead")])
    return Rig(made, policy=POLICY)


def comes_and_goes(at: Rig, up: float, down: float, seconds: float) -> list[float]:
    """The link is down and up in turn; while it is out, its being up counts as the cause being gone."""
    begin, moves = at.world.now, []
    while at.world.now - begin < seconds:
        if (at.world.now - begin) % (up + down) < down:
            if at.open_seqs:
                at.world.contained("link-dead")
            else:
                at.world.breaks("link-dead")
        else:
            at.world.mends("link-dead")
        acted = len(at.acts)
        tick = at.tick(STEP)
        moves += [at.world.now] * (len(at.acts) - acted + len(tick.undos))
    return moves


def worst(moves: list[float]) -> int:
    return max(sum(1 for at in moves if start <= at <= start + MOVE_WINDOW) for start in moves)


def test_a_link_that_is_up_for_three_seconds_and_down_for_three_is_left_once() -> None:
    at = rig()
    assert len(comes_and_goes(at, 3.0, 3.0, 600.0)) == 1
    assert at.open_seqs, "it stays out"


@pytest.mark.parametrize("up", [1.0, 3.0, 6.0, 12.0, 25.0, 50.0, 90.0])
@pytest.mark.parametrize("down", [1.0, 3.0, 30.0])
def test_no_rhythm_moves_a_link_more_than_twice_in_two_minutes(up: float, down: float) -> None:
    assert worst(comes_and_goes(rig(), up, down, 1800.0)) <= MAX_MOVES


def test_it_is_said_that_it_comes_and_goes() -> None:
    at = rig()
    comes_and_goes(at, 3.0, 3.0, 30.0)
    said = [outcome.sentence for outcome in at.outcomes]
    assert sum("comes and goes" in sentence for sentence in said) == 1, said


def test_a_link_that_was_dead_once_is_used_again_after_ten_seconds_without_a_flaw() -> None:
    at = rig()
    at.world.breaks("link-dead")
    at.tick()
    at.world.contained("link-dead")
    at.tick(20.0)
    at.world.mends("link-dead")
    began = at.world.now
    while at.open_seqs:
        at.tick(STEP)
    assert STEADY <= at.world.now - began <= STEADY + 2


def test_a_link_that_fails_again_soon_is_treated_by_what_moves_nothing() -> None:
    ladder: list[tuple[str, dict[str, str]]] = [("detach-hardif", {}), ("hasten-ogms", {})]
    at = rig(lambda world: [ScriptedFault(world, "link-dead", ladder)])
    at.world.breaks("link-dead")
    at.tick()
    at.world.mends("link-dead")
    while at.open_seqs:
        at.tick(STEP)
    at.world.breaks("link-dead")
    at.tick()
    assert [act.remedy.action for act in at.acts] == ["detach-hardif", "hasten-ogms"]


def test_what_is_needed_is_given_back_at_once_however_often_it_moved() -> None:
    at = rig()
    at.world.breaks("link-dead")
    at.tick()
    at.world.contained("link-dead")
    comes_and_goes(at, 3.0, 3.0, 30.0)
    assert at.open_seqs
    at.world.states["link-dead", LINK] = State.NEEDED
    at.tick()
    assert not at.open_seqs


def test_devaluing_a_link_counts_as_a_move() -> None:
    at = Rig(
        lambda world: [ScriptedFault(world, "link-lossy", [("avoid-link", {})])],
        lambda world: [ScriptedAction(world, "avoid-link")],
        policy=POLICY,
    )
    at.world.breaks("link-lossy")
    at.tick()
    assert at.limits.moves(LINK, at.world.now) == 1
