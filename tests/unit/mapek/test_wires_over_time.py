# SPDX-License-Identifier: Apache-2.0
"""Real faults and actions over a wire that comes and goes, fades, or loses packets: who moves when."""

from __future__ import annotations

import pytest

from agent.mapek.limits import MAX_MOVES, MOVE_WINDOW
from tests.unit.mapek.wireworld import WireWorld

SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4)))  # seconds each


def worst(moves: list[float]) -> int:
    return max((sum(1 for at in moves if start <= at <= start + MOVE_WINDOW) for start in moves), default=0)


def warm(world: WireWorld) -> None:
    """The world is well for a while: the neighbour is known, the last echoes were answered."""
    world.run(30)
    assert not world.acts, world.said


@pytest.mark.parametrize("seed", SEEDS)
def test_three_seconds_down_three_up_is_left_at_once_and_stays_out(seed: int) -> None:
    world = WireWorld(lambda age: 1.0 if age >= 30 and (age - 30) % 6 < 3 else 0.0, seed=seed)
    warm(world)
    world.run(2)
    assert world.detached, world.said
    world.run(118)
    assert len(world.moves) == 1, world.said
    assert world.detached
    assert any("comes and goes" in line for line in world.said), world.said


def test_a_link_that_was_cut_once_is_used_again_after_ten_seconds() -> None:
    world = WireWorld(lambda age: 1.0 if 30 <= age < 50 else 0.0)
    warm(world)
    world.run(20)
    assert world.detached
    world.run(16)
    assert world.uses, world.said
    world.run(60)
    assert len(world.moves) == 2, "left alone afterwards"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fading_link_is_left_before_a_fifth_is_lost_and_moves_twice_at_most(seed: int) -> None:
    world = WireWorld(lambda age: min(0.6, 0.01 * (1 + (age - 30) // 10)) if age >= 30 else 0.0, seed=seed)
    warm(world)
    while world.uses and world.age < 230:
        world.tick()
    assert not world.uses
    assert world.loss(world.age) < 0.2, world.said
    world.run(150)
    assert worst(world.moves) <= MAX_MOVES, world.said
    assert not world.uses


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lossy_link_is_named_so_left_and_used_again_when_it_is_well(seed: int) -> None:
    world = WireWorld(lambda age: 0.3 if 30 <= age < 120 else 0.0, seed=seed)
    warm(world)
    world.run(40)
    assert "link-lossy" in world.named, world.said
    left = not world.uses
    assert left
    world.run(50)
    assert worst(world.moves) <= MAX_MOVES, world.said
    world.run(150)
    assert world.uses, world.said
    assert worst(world.moves) <= MAX_MOVES, world.said


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_a_link_that_loses_a_little_is_left_alone(share: float) -> None:
    world = WireWorld(lambda age: share)
    world.run(600)
    assert not world.acts, world.said
