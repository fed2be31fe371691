# SPDX-License-Identifier: Apache-2.0
"""How often and how much: budget, moves, cool-down, hold-down, and what a flood of symptoms may fill."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from agent.events import Suspicion
from agent.faults.base import Thresholds
from agent.mapek.episodes import MAX_OPEN, cooldown, hold_down
from agent.mapek.limits import HOUR, MAX_ACTS, MAX_MOVES, MOVE_WINDOW, Limits
from agent.mapek.policy import HEAL, Policy
from tests.unit.mapek.ladders import services
from tests.unit.mapek.world import (
    LINK,
    SERVICE,
    Rig,
    ScriptedFault,
    World,
)


def test_the_hourly_budget_is_kept_and_comes_back() -> None:
    rig = Rig(policy=Policy(mode=HEAL, budget_per_hour=3))
    for number in range(6):
        rig.world.breaks("link-dead", f"hardif/e{number}/m")
    rig.run(4)
    assert len(rig.acts) == 3
    assert any("the budget of 3 actions an hour is spent" in d.sentence for d in rig.decisions)
    for number in range(6):
        rig.world.mends("link-dead", f"hardif/e{number}/m")
    rig.tick()
    rig.world.breaks("link-dead", "hardif/t/m")
    rig.tick(HOUR + 1)
    assert len(rig.acts) == 4


def test_half_of_the_budget_is_kept_for_the_links() -> None:
    policy = Policy(mode=HEAL, budget_per_hour=10)
    rig = Rig(lambda world: [*services(world), ScriptedFault(world, "link-dead")], policy=policy)
    for number in range(20):
        rig.world.breaks("service-dead", f"service/s{number}")
    rig.run(4)
    assert len(rig.acts) == 5
    assert any("5 of the 10 actions an hour are kept for the links" in d.sentence for d in rig.decisions)
    rig.world.breaks("link-dead")
    assert [act.remedy.action for act in rig.tick().acts] == ["detach-hardif"]
    for number in range(20):
        rig.world.breaks("link-dead", f"hardif/f{number}/m")
    rig.run(4)
    assert len(rig.acts) == 10, "the budget is one"


def test_what_no_link_hangs_on_may_not_use_what_the_links_left() -> None:
    limits = Limits()
    for _ in range(8):
        limits.acted("detach-hardif", LINK, 10.0)
    assert limits.budget_left(10, 11.0, SERVICE) == 2
    limits.acted("restart-service", SERVICE, 12.0)
    limits.withdrawn("restart-service", SERVICE, 12.0)
    assert limits.budget_left(10, 13.0, SERVICE) == 2
    assert limits.budget_left(10, HOUR + 11.0, SERVICE) == 5
    assert limits.budget_left(10, HOUR + 11.0) == 10


def test_a_relapse_of_a_restarted_service_cools_down_exponentially() -> None:
    rig = Rig(services)
    times = []
    for _ in range(4):
        rig.world.breaks("service-dead", SERVICE)
        count = len(rig.acts)
        while len(rig.acts) == count:
            rig.tick()
        times.append(rig.world.now)
        rig.world.mends("service-dead", SERVICE)
        rig.tick()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == pytest.approx([5, 10, 60], abs=61)  # the fourth also waits for the moves' window
    assert gaps[0] < 6
    assert 9 < gaps[1] < 12


def flapping(
    faults: Callable[[World], list[ScriptedFault]], fault: str, subject: str
) -> tuple[list[float], list[str]]:
    """Times of acts and returns, and what was said, where neither hold-down nor cool-down delay anything."""
    quick = Thresholds(reattach_after_s=0.1)
    policy = Policy(mode=HEAL, budget_per_hour=1000, thresholds=quick, cooldown_first=0.0, cooldown_max=0.1)
    rig = Rig(faults, policy=policy)
    moves: list[float] = []
    for _ in range(4000):
        out = bool(rig.open_seqs)
        acted = len(rig.acts)
        if out or (moves and moves[-1] == rig.world.now):
            rig.world.mends(fault, subject)
        else:
            rig.world.breaks(fault, subject)
        tick = rig.tick()
        moves += [rig.world.now] * (len(rig.acts) - acted + len(tick.undos))
    return moves, [decision.sentence for decision in rig.decisions]


def worst(moves: list[float]) -> int:
    """Most moves in one window."""
    return max(sum(1 for at in moves if start <= at <= start + MOVE_WINDOW) for start in moves)


def test_moves_of_a_link_are_bounded_in_two_minutes_by_delaying_its_return() -> None:
    moves, said = flapping(lambda world: [ScriptedFault(world, "link-dead")], "link-dead", LINK)
    assert worst(moves) == MAX_MOVES
    assert len(moves) > 2 * MAX_MOVES
    assert not any("later" in sentence for sentence in said), "a containment was delayed"


def test_a_return_leaves_room_for_the_containment_that_may_have_to_follow() -> None:
    rig = Rig()
    for moves in range(MAX_MOVES + 1):
        allowed = moves + 1 < MAX_MOVES
        assert rig.limits.may_return("detach-hardif", "hardif/e9/m", 10.0) == allowed
        rig.limits.moved("hardif/e9", 10.0)
    assert not rig.limits.may_act("detach-hardif", "hardif/e9/m", 10.0 + MOVE_WINDOW)
    assert rig.limits.may_act("detach-hardif", "hardif/e9/m", 10.1 + MOVE_WINDOW)


def test_what_moves_no_traffic_takes_no_move_of_the_link() -> None:
    limits = Limits()
    for _ in range(MAX_ACTS):
        limits.acted("hasten-ogms", "hardif/e9/m", 10.0)
    assert not limits.may_act("hasten-ogms", "hardif/e9/m", 10.0)
    assert limits.may_act("detach-hardif", "hardif/e9/m", 10.0)
    limits.acted("detach-hardif", "hardif/e9/m", 10.0)
    limits.withdrawn("hasten-ogms", "hardif/e9/m", 10.0)
    assert limits.moves("hardif/e9/m", 10.0) == 1


def test_restarts_of_a_service_are_bounded_in_two_minutes() -> None:
    moves, said = flapping(services, "service-dead", SERVICE)
    assert any(f"{MAX_ACTS} moves there within" in sentence for sentence in said)
    assert worst(moves) == MAX_ACTS
    assert len(moves) > 2 * MAX_ACTS


def test_a_reboot_waits_for_its_interval() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "wedged", [("reboot", {})])])
    rig.limits.load([], rig.world.now - 100)
    rig.world.breaks("wedged")
    rig.run(60)
    assert not rig.acts
    rig.tick(21600)
    assert [act.remedy.action for act in rig.acts] == ["reboot"]


def test_a_thousand_symptoms_are_bounded() -> None:
    rig = Rig(policy=Policy(mode=HEAL, budget_per_hour=30))
    for number in range(1000):
        rig.world.breaks("link-dead", f"hardif/e{number}/02:00:00:00:00:01")
    rig.run(5)
    assert len(rig.healing.book.open) <= MAX_OPEN
    assert len(rig.acts) == 30
    assert rig.healing.book.refused + rig.healing.analyser.dropped > 0


def test_a_thousand_suspicions_are_bounded_and_each_is_said_once_while_it_holds() -> None:
    rig = Rig()
    rig.world.suspected = [Suspicion("link-dead", f"hardif/e{n}", "late") for n in range(1000)]
    rig.run(3)
    assert 0 < len(rig.named("suspicion")) <= 256
    rig.world.suspected = []
    rig.run(30)
    rig.world.suspected = [Suspicion("link-dead", "hardif/e0", "late")]
    before = len(rig.named("suspicion"))
    rig.run(3)
    assert len(rig.named("suspicion")) == before + 1


def test_an_act_that_was_withdrawn_costs_neither_budget_nor_move() -> None:
    rig = Rig(auto=False)
    rig.world.breaks("link-dead")
    began = rig.world.now
    for _ in range(MAX_MOVES + 1):  # paused and resumed again and again just before the act
        act = rig.tick().acts[0]
        assert rig.limits.moves(LINK, rig.world.now) == 1
        rig.healing.withdrawn(act.diagnosis.id, rig.world.now + 0.1)
        assert rig.limits.moves(LINK, rig.world.now) == 0
        assert rig.limits.actions() == []
    assert rig.world.now - began < MOVE_WINDOW


def test_a_withdrawn_reboot_leaves_the_one_before_it_counted() -> None:
    limits = Limits()
    limits.acted("reboot", "node/self", 100.0)
    limits.acted("reboot", "node/self", 500.0)
    limits.withdrawn("reboot", "node/self", 500.0)
    assert limits.reboot_wait(600.0, 500.0) == 200.0


@pytest.mark.parametrize(("relapses", "seconds"), [(0, 0), (1, 5), (2, 10), (3, 20), (8, 600), (10**6, 600)])
def test_cool_down_doubles_up_to_its_longest(relapses: int, seconds: float) -> None:
    assert cooldown(relapses, 5.0, 600.0) == seconds


@pytest.mark.parametrize(("relapses", "seconds"), [(0, 2), (1, 4), (5, 64), (30, 600)])
def test_hold_down_doubles_up_to_its_longest(relapses: int, seconds: float) -> None:
    assert hold_down(relapses, 2.0, 600.0) == seconds
