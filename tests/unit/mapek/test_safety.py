# SPDX-License-Identifier: Apache-2.0
"""The safety rules, one test each, on one tick's pure function."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest

from agent.events import Scope, Suspicion, Verdict
from agent.faults.base import State, Thresholds
from agent.mapek.episodes import MAX_OPEN, Phase, cooldown, hold_down
from agent.mapek.limits import HOUR, MAX_MOVES, MOVE_WINDOW, Limits
from agent.mapek.policy import HEAL, OBSERVE, Policy
from tests.unit.mapek.world import (
    LINK,
    OTHER,
    SAME_HARDIF,
    SERVICE,
    Rig,
    ScriptedAction,
    ScriptedFault,
    World,
)


def services(world: World) -> list[ScriptedFault]:
    return [ScriptedFault(world, "service-dead", [("restart-service", {})])]


def two_rungs(world: World) -> list[ScriptedFault]:
    return [ScriptedFault(world, "link-dead", [("detach-hardif", {}), ("hasten-ogms", {})])]


def test_first_occurrence_is_acted_on_in_the_tick_of_its_diagnosis() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    tick = rig.tick()
    assert [act.remedy.action for act in tick.acts] == ["detach-hardif"]
    assert [event for event, _ in rig.events] == ["diagnosis", "decision", "action"]


def test_a_decision_says_the_diagnosis_its_evidence_and_the_action_in_one_sentence() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    assert rig.decisions[0].sentence == f"link-dead hit {LINK}. (elp silent for 0.5 s): do detach-hardif."


def test_observe_never_acts_but_explains() -> None:
    rig = Rig(policy=Policy(mode=OBSERVE))
    rig.world.breaks("link-dead")
    rig.run(60)
    assert not rig.acts
    assert [d.verdict for d in rig.decisions] == [Verdict.OBSERVE]
    assert "would do detach-hardif, but mode is observe" in rig.decisions[0].sentence


def test_paused_never_acts_and_acts_when_the_pause_ends() -> None:
    rig = Rig()
    rig.healing.standing.paused_until = rig.world.now + 30
    rig.world.breaks("link-dead")
    rig.run(29)
    assert not rig.acts
    assert [d.verdict for d in rig.decisions] == [Verdict.OBSERVE]  # a countdown is not said again and again
    rig.run(2)
    assert len(rig.acts) == 1


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


def test_never_acts_before_the_first_healthy_state() -> None:
    rig = Rig(healthy=False)
    rig.world.breaks("link-dead")
    rig.run(120)
    assert not rig.acts
    assert "not healthy yet" in rig.decisions[-1].sentence
    rig.world.mends("link-dead")
    rig.tick()
    rig.world.breaks("link-dead")
    assert rig.tick().acts


def test_an_unfinished_setup_is_not_healthy() -> None:
    rig = Rig(healthy=False)
    rig.setup = False
    rig.run(60)
    assert not rig.health.was_healthy
    rig.setup = True
    rig.tick()
    assert rig.health.was_healthy


def test_each_rung_is_used_once_in_an_episode() -> None:
    rig = Rig(two_rungs)
    rig.world.breaks("link-dead")
    rig.run(12)
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif", "hasten-ogms"]
    assert {act.diagnosis.id for act in rig.acts} == {"e1"}


def test_the_same_action_with_other_arguments_is_another_rung() -> None:
    rungs = [("restart-service", {"attempt": "1"}), ("restart-service", {"attempt": "2"})]
    rig = Rig(lambda world: [ScriptedFault(world, "service-dead", rungs)])
    rig.world.breaks("service-dead", SERVICE)
    rig.run(10.5)
    assert [act.remedy.args["attempt"] for act in rig.acts] == ["1", "2"]


def test_the_cheapest_rung_whose_precondition_holds_is_taken() -> None:
    rig = Rig(two_rungs)
    rig.world.refusals["detach-hardif"] = "no other way"
    rig.world.breaks("link-dead")
    assert [act.remedy.action for act in rig.tick().acts] == ["hasten-ogms"]


def test_refused_rungs_wait_and_act_once_the_refusal_is_gone() -> None:
    rig = Rig()
    rig.world.refusals["detach-hardif"] = "no other way, 3 s"
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.refusals["detach-hardif"] = "no other way, 12 s"
    rig.tick()
    assert [d.verdict for d in rig.decisions] == [Verdict.WAIT]  # only numbers changed: said once
    del rig.world.refusals["detach-hardif"]
    assert rig.tick().acts


def test_two_faults_on_overlapping_subjects_are_not_acted_on_at_once() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead"), ScriptedFault(world, "hardif-missing")])
    rig.world.breaks("link-dead", LINK)
    rig.world.breaks("hardif-missing", "hardif/e2")
    rig.tick()
    assert len(rig.acts) == 1
    assert any("another action is under way there" in d.sentence for d in rig.decisions)


def test_faults_on_different_subjects_are_acted_on_at_once() -> None:
    rig = Rig()
    rig.world.breaks("link-dead", LINK)
    rig.world.breaks("link-dead", OTHER)
    assert len(rig.tick().acts) == 2


def test_a_contained_subject_is_left_alone_by_other_episodes() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead"), ScriptedFault(world, "hardif-missing")])
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.tick()
    rig.world.breaks("hardif-missing", "hardif/e2")
    rig.run(60)
    assert len(rig.acts) == 1


def test_the_hourly_budget_is_kept_and_comes_back() -> None:
    rig = Rig(services, policy=Policy(mode=HEAL, budget_per_hour=3))
    for number in range(6):
        rig.world.breaks("service-dead", f"service/s{number}")
    rig.run(4)
    assert len(rig.acts) == 3
    assert any("the budget of 3 actions an hour is spent" in d.sentence for d in rig.decisions)
    for number in range(6):
        rig.world.mends("service-dead", f"service/s{number}")
    rig.tick()
    rig.world.breaks("service-dead", "service/t")
    rig.tick(HOUR + 1)
    assert len(rig.acts) == 4


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


def test_a_healed_subject_is_left_alone() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.mends("link-dead")
    rig.run(5)
    before = (len(rig.acts), len(rig.undos))
    rig.run(600)
    assert (len(rig.acts), len(rig.undos)) == before == (1, 1)


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


def test_a_fault_no_rung_mends_is_said_and_tried_again_after_the_cool_down() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(6)
    assert rig.results() == ["failed", "failed"]  # the rung, then the episode
    assert any("a person must look" in d.sentence for d in rig.decisions)
    assert len(rig.acts) == 1
    rig.run(6)
    assert len(rig.acts) == 2


def test_a_fault_without_any_rung_is_said_once_and_left_to_a_person() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead", [])])
    rig.world.breaks("link-dead")
    rig.run(120)
    assert [d.verdict for d in rig.decisions] == [Verdict.NOTHING]
    assert len(rig.healing.book.open) == 1
    rig.world.mends("link-dead")
    rig.tick()
    assert rig.results() == ["gone"]


def test_what_concerns_others_is_refused_by_standing_policy_and_said() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead", scope=Scope.MESH)])
    rig.world.breaks("link-dead")
    rig.run(60)
    assert not rig.acts
    assert rig.decisions[0].verdict is Verdict.NOTHING
    assert "leaves to a vote what concerns mesh" in rig.decisions[0].sentence


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
        assert rig.limits.may_return("hardif/e9/m", 10.0) == allowed
        rig.limits.moved("hardif/e9", 10.0)
    assert not rig.limits.may_act("hardif/e9/m", 10.0 + MOVE_WINDOW)
    assert rig.limits.may_act("hardif/e9/m", 10.1 + MOVE_WINDOW)


def test_restarts_of_a_service_are_bounded_in_two_minutes() -> None:
    moves, said = flapping(services, "service-dead", SERVICE)
    assert any(f"{MAX_MOVES} moves there within" in sentence for sentence in said)
    assert worst(moves) == MAX_MOVES
    assert len(moves) > 2 * MAX_MOVES


def test_a_reboot_waits_for_its_interval() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "wedged", [("reboot", {})])])
    rig.limits.load([], rig.world.now - 100)
    rig.world.breaks("wedged")
    rig.run(60)
    assert not rig.acts
    rig.tick(21600)
    assert [act.remedy.action for act in rig.acts] == ["reboot"]


def test_a_better_explanation_takes_the_episode_over_without_a_second_action() -> None:
    def faults(world: World) -> list[ScriptedFault]:
        return [ScriptedFault(world, "link-dead"), ScriptedFault(world, "node-dead", explains=["link-dead"])]

    rig = Rig(faults)
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.breaks("node-dead")
    rig.world.contained("link-dead")
    rig.tick()
    assert rig.named("reclassified") == [f"link-dead on {LINK} is node-dead: node-dead hit {LINK}."]
    assert [episode.diagnosis.fault for episode in rig.healing.book.open.values()] == ["node-dead"]
    rig.world.contained("node-dead")
    rig.run(30)
    assert len(rig.acts) == 1
    rig.world.mends("link-dead")
    rig.world.mends("node-dead")
    rig.run(5)
    assert not rig.open_seqs
    assert rig.outcomes[-1].fault == "node-dead"


def test_a_node_explains_the_links_that_lead_to_it() -> None:
    node = "node/02:00:00:00:00:aa"

    def faults(world: World) -> list[ScriptedFault]:
        return [ScriptedFault(world, "link-dead"), ScriptedFault(world, "node-dead", [], ["link-dead"])]

    rig = Rig(faults)
    rig.world.neighbours = {LINK.removeprefix("hardif/"): node.removeprefix("node/")}
    rig.world.breaks("link-dead")
    rig.world.breaks("node-dead", node)
    rig.tick()
    assert [episode.diagnosis.fault for episode in rig.healing.book.open.values()] == ["node-dead"]
    assert not rig.acts


def test_an_explained_episode_that_was_not_acted_on_ends() -> None:
    def faults(world: World) -> list[ScriptedFault]:
        return [
            ScriptedFault(world, "link-dead"),
            ScriptedFault(world, "node-dead", [], ["link-dead"]),
        ]

    rig = Rig(faults)
    rig.world.refusals["detach-hardif"] = "no other way"
    rig.world.breaks("link-dead", LINK)
    rig.world.breaks("link-dead", SAME_HARDIF)
    rig.tick()
    rig.world.breaks("node-dead", "hardif/e2")
    rig.run(1)
    open_ones = [(e.diagnosis.fault, e.phase) for e in rig.healing.book.open.values()]
    assert open_ones == [("node-dead", Phase.DECIDING)]
    assert "explained by node-dead" in rig.outcomes[-1].sentence


def test_faults_that_explain_each_other_do_not_wait_for_each_other() -> None:
    def faults(world: World) -> list[ScriptedFault]:
        return [ScriptedFault(world, "a", explains=["b"]), ScriptedFault(world, "b", explains=["a"])]

    rig = Rig(faults)
    rig.world.breaks("a")
    rig.world.breaks("b")
    assert len(rig.tick().acts) == 1


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


def test_a_suspicion_never_acts() -> None:
    rig = Rig()
    rig.world.suspected = [Suspicion("link-dead", LINK, "late")]
    rig.run(60)
    assert not rig.acts
    assert not rig.healing.book.open


def test_a_fault_that_raises_is_named_and_the_others_go_on() -> None:
    class Broken(ScriptedFault):
        def symptoms(self, view: object) -> list[object]:  # type: ignore[override]
            raise ZeroDivisionError("here")

    rig = Rig(lambda world: [Broken(world, "broken"), ScriptedFault(world, "link-dead")])
    rig.world.breaks("link-dead")
    assert rig.tick().acts
    assert rig.healing.analyser.errors["broken"] == (1, "ZeroDivisionError: here")


def test_a_state_that_raises_keeps_the_episode_and_still_meets_its_deadline() -> None:
    class Broken(ScriptedFault):
        def state(self, diagnosis: object, view: object) -> State:
            if rig.acts:
                raise ValueError("lost")
            return State.PRESENT

    rig = Rig(lambda world: [Broken(world, "link-dead")])
    rig.world.breaks("link-dead")
    rig.run(6)
    assert not rig.open_seqs
    assert rig.results() == ["failed"]


def test_an_action_whose_check_raises_is_not_done() -> None:
    class Broken(ScriptedAction):
        def refusal(self, remedy: object, view: object) -> str:
            raise KeyError("hardif")

    rig = Rig(actions=lambda world: [Broken(world, "detach-hardif")])
    rig.world.breaks("link-dead")
    rig.run(10)
    assert not rig.acts
    assert "its own check failed" in rig.decisions[0].sentence


def test_an_action_that_is_not_installed_is_said() -> None:
    rig = Rig(actions=lambda world: [])
    rig.world.breaks("link-dead")
    rig.tick()
    assert "not installed" in rig.decisions[0].sentence


def test_acting_forbidden_between_decision_and_act_gives_the_rung_back() -> None:
    rig = Rig(auto=False)
    rig.world.breaks("link-dead")
    act = rig.tick().acts[0]
    rig.healing.standing.paused_until = rig.world.now + 10
    rig.healing.withdrawn(act.diagnosis.id, rig.world.now)
    rig.run(9)
    assert len(rig.acts) == 1
    rig.run(2)
    assert len(rig.acts) == 2


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


def test_a_fault_batman_reroutes_by_itself_is_contained_without_an_action() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.healing.standing.paused_until = rig.world.now + 1
    rig.tick()
    rig.world.contained("link-dead")
    rig.run(5)
    assert not rig.acts
    rig.world.mends("link-dead")
    rig.tick()
    assert rig.results() == ["contained", "gone"]


@pytest.mark.parametrize(("relapses", "seconds"), [(0, 0), (1, 5), (2, 10), (3, 20), (8, 600), (10**6, 600)])
def test_cool_down_doubles_up_to_its_longest(relapses: int, seconds: float) -> None:
    assert cooldown(relapses, 5.0, 600.0) == seconds


@pytest.mark.parametrize(("relapses", "seconds"), [(0, 2), (1, 4), (5, 64), (30, 600)])
def test_hold_down_doubles_up_to_its_longest(relapses: int, seconds: float) -> None:
    assert hold_down(relapses, 2.0, 600.0) == seconds
