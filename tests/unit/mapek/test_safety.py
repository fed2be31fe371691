# SPDX-License-Identifier: Apache-2.0
"""The safety rules, one test each, on one tick's pure function."""

from agent.events import Scope, Verdict
from agent.faults.base import State
from agent.mapek.loopstatus import needs_person
from agent.mapek.policy import HEAL, OBSERVE, Policy
from tests.unit.mapek.ladders import services, two_rungs
from tests.unit.mapek.world import (
    LINK,
    OTHER,
    SERVICE,
    Rig,
    ScriptedFault,
)


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


def test_a_rung_whose_measured_values_move_is_the_same_rung() -> None:
    args = {"from": "54300"}
    rig = Rig(lambda world: [ScriptedFault(world, "link-lossy", [("detach-hardif", args)])])
    rig.world.breaks("link-lossy")
    for moved in range(22):
        args["from"] = str(54300 - moved)
        rig.tick()
    assert len(rig.acts) == 1
    assert rig.decisions[-1].reason == "exhausted"


def test_the_same_action_as_another_attempt_is_another_rung() -> None:
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


def test_refused_for_ten_seconds_they_need_a_person_and_it_acts_all_the_same_once_it_may() -> None:
    rig = Rig()
    rig.world.refusals["detach-hardif"] = "no other way"
    rig.world.breaks("link-dead")
    rig.run(9)
    assert [d.verdict for d in rig.decisions] == [Verdict.WAIT]
    rig.run(2)
    assert [d.verdict for d in rig.decisions] == [Verdict.WAIT, Verdict.NOTHING]
    assert (rig.decisions[-1].reason, rig.decisions[-1].remedy) == ("refused", None)
    assert "no other way; a person must look" in rig.decisions[-1].sentence
    del rig.world.refusals["detach-hardif"]
    assert rig.tick().acts


def test_what_the_bound_on_moves_forbids_needs_no_person() -> None:
    rig = Rig(policy=Policy(mode=HEAL, moves_per_two_minutes=1))
    rig.limits.moved(LINK, rig.world.now)
    rig.world.breaks("link-dead")
    rig.run(60)
    assert [(d.verdict, d.reason) for d in rig.decisions] == [(Verdict.WAIT, "moves")]


def test_what_another_episode_is_at_work_on_needs_no_person() -> None:
    rig = Rig(
        lambda world: [
            ScriptedFault(world, "link-dead"),
            ScriptedFault(world, "one-way", [("hasten-ogms", {})]),
        ]
    )
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.contained("link-dead")
    rig.world.refusals["hasten-ogms"] = "it is held out"
    rig.world.breaks("one-way")
    rig.run(60)
    assert all(d.verdict is not Verdict.NOTHING for d in rig.decisions)


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


def test_a_healed_subject_is_left_alone() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    rig.world.mends("link-dead")
    rig.run(5)
    before = (len(rig.acts), len(rig.undos))
    rig.run(600)
    assert (len(rig.acts), len(rig.undos)) == before == (1, 1)


def test_a_service_no_rung_mends_needs_a_person_and_is_tried_again_ten_minutes_later() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(6)
    assert rig.results() == ["failed", "failed"]  # the rung, then the episode
    assert rig.decisions[-1].verdict is Verdict.NOTHING
    assert "a person must look" in rig.decisions[-1].sentence
    rig.run(595)
    assert len(rig.acts) == 1
    assert [episode.id for episode in rig.healing.book.open.values()] == ["e1"], "it stays open"
    rig.run(10)
    assert [act.diagnosis.id for act in rig.acts] == ["e1", "e2"], "a rung once per episode"
    before = rig.world.now
    while len(rig.acts) == 2:
        rig.tick(1.0)
    assert 1190 < rig.world.now - before < 1220, "twice as long each time"


def test_a_link_no_rung_mends_needs_a_person_and_is_tried_again_after_the_cool_down() -> None:
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.run(6)
    assert rig.decisions[-1].verdict is Verdict.NOTHING
    assert len(rig.acts) == 1
    rig.run(6)
    assert len(rig.acts) == 2, "another way may have come"


def test_mended_by_hand_it_is_not_said_to_be_healed_by_us() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    rig.world.mends("service-dead", SERVICE)
    rig.tick()
    assert not rig.healing.book.open
    assert rig.results()[-1] == "gone"
    rig.run(1200)
    assert len(rig.acts) == 1


def test_a_fault_without_a_rung_whose_sign_is_gone_is_none_any_more() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    rig.world.states["service-dead", SERVICE] = State.CONTAINED
    rig.tick()
    rig.world.states["service-dead", SERVICE] = State.PRESENT
    rig.tick()
    rig.world.signless.add("service-dead")
    rig.run(9)
    assert rig.healing.book.open
    rig.run(2)
    assert not rig.healing.book.open


def test_a_fault_without_a_rung_keeps_nothing_else_from_being_treated() -> None:
    rig = Rig(
        lambda world: [
            ScriptedFault(world, "link-lossy", [("hasten-ogms", {})], explains=["link-dead"]),
            ScriptedFault(world, "link-dead"),
        ]
    )
    rig.world.breaks("link-lossy")
    rig.run(6)
    rig.world.breaks("link-dead")
    assert [act.remedy.action for act in rig.tick().acts] == ["detach-hardif"]


def test_resumed_by_a_person_a_fault_without_a_rung_is_tried_at_once() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    rig.healing.resume()
    rig.run(1)
    assert len(rig.acts) == 2


def test_after_a_restart_of_the_agent_it_still_needs_a_person_and_keeps_its_wait() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    later = Rig(services)
    later.world.now = rig.world.now
    later.memory.load(rig.memory.items())
    later.world.breaks("service-dead", SERVICE)
    later.run(500)
    [episode] = later.healing.book.open.values()
    assert needs_person(episode)
    assert not later.acts
    later.run(60)
    assert len(later.acts) == 1


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
