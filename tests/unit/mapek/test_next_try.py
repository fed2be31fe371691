# SPDX-License-Identifier: Apache-2.0
"""When the node goes on: what the page tells a person who waits beside it."""

import pytest

from agent.events import Verdict
from agent.mapek.loopstatus import EpisodeStatus, episode_status
from agent.mapek.policy import OBSERVE, Policy
from tests.unit.mapek.ladders import services, two_rungs
from tests.unit.mapek.world import SERVICE, Rig, ScriptedFault, World


def _status(rig: Rig) -> EpisodeStatus:
    [episode] = rig.healing.book.open.values()
    return episode_status(episode, {})


def _second_try(world: World) -> list[ScriptedFault]:
    at = f"{world.now + 8.0:.3f}"
    return [ScriptedFault(world, "service-dead", [("restart-service", {"not_before": at})])]


def test_a_rung_that_waits_for_its_time_says_when() -> None:
    rig = Rig(_second_try)
    rig.world.refusals["restart-service"] = "the next try is due in 8 s"
    rig.world.breaks("service-dead", SERVICE)
    rig.tick()
    assert (rig.decisions[0].verdict, rig.decisions[0].reason) == (Verdict.WAIT, "refused")
    assert rig.decisions[0].not_before == pytest.approx(1008.0)
    assert _status(rig).next_try == pytest.approx(1008.0)


def test_a_refusal_without_a_time_promises_none() -> None:
    rig = Rig(services)
    rig.world.refusals["restart-service"] = "its unit is masked"
    rig.world.breaks("service-dead", SERVICE)
    rig.tick()
    assert rig.decisions[0].not_before is None
    assert _status(rig).next_try is None


def test_a_relapse_says_when_its_cool_down_ends() -> None:
    rig = Rig(services)
    for _ in range(2):
        rig.world.breaks("service-dead", SERVICE)
        rig.tick()
        rig.world.mends("service-dead", SERVICE)
        rig.tick()
    rig.world.breaks("service-dead", SERVICE)
    rig.tick()
    last = rig.decisions[-1]
    assert (last.verdict, last.reason) == (Verdict.WAIT, "cooling")
    assert last.not_before is not None
    assert last.not_before > rig.world.now
    rig.run(last.not_before - rig.world.now + 0.5)
    assert rig.decisions[-1].verdict is Verdict.ACT


def test_what_was_done_says_by_when_it_must_have_helped_and_what_is_put_back() -> None:
    rig = Rig(two_rungs)
    rig.world.breaks("link-dead")
    rig.tick()
    status = _status(rig)
    assert status.phase == "verifying"
    assert status.check_by == pytest.approx(rig.world.now + 10.0, abs=5.0)
    assert status.held == ("detach-hardif",)
    assert status.next_try is None
    rig.world.contained("link-dead")
    rig.tick()
    assert (_status(rig).check_by, _status(rig).held) == (None, ("detach-hardif",))


def test_an_undo_that_failed_says_when_it_is_tried_again() -> None:
    rig = Rig(auto=False)
    rig.world.breaks("link-dead")
    rig.tick()
    rig.acted(rig.acts[0])
    rig.world.mends("link-dead")
    rig.run(60)
    rig.undone(rig.undos[0], "the kernel said no")
    assert _status(rig).phase == "undoing"
    assert _status(rig).next_try == pytest.approx(rig.world.now + 1.0)


def test_a_decision_says_in_a_word_why_nothing_is_done() -> None:
    rig = Rig(policy=Policy(mode=OBSERVE))
    rig.world.breaks("link-dead")
    rig.tick()
    assert rig.decisions[0].reason == "observe"
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead", [])])
    rig.world.breaks("link-dead")
    rig.tick()
    assert (rig.decisions[0].verdict, rig.decisions[0].reason) == (Verdict.NOTHING, "no-rung")
    rig = Rig()
    rig.world.breaks("link-dead")
    rig.tick()
    assert (rig.decisions[0].verdict, rig.decisions[0].reason) == (Verdict.ACT, "")
