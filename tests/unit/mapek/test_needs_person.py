# SPDX-License-Identifier: Apache-2.0
"""When a node says that it needs a person, and when it only starts: through its health and its healing."""

from __future__ import annotations

import msgspec
import pytest

from agent import status
from agent.events import Snapshot
from agent.mapek.loopstatus import episode_status
from agent.mapek.policy import OBSERVE, Policy
from tests.unit.mapek.ladders import StillShowing, services
from tests.unit.mapek.world import LINK, SERVICE, Rig, ScriptedFault


def document(rig: Rig) -> dict[str, object]:
    """The status document as the node makes it of these."""
    told = [episode_status(episode, {}) for episode in rig.healing.book.open.values()]
    policy = rig.healing.standing.policy
    loop = status.Loop(
        now=rig.world.now,
        wall=0.0,
        node="n1",
        mode=policy.mode,
        started=0.0,
        healthy_once=rig.health.complete,
        episodes=tuple(
            status.Episode(
                one.diagnosis, decision=one.decision, outcome=one.outcome, phase=one.phase,
                held=one.held, needs_person=one.needs_person,
            )
            for one in told
        ),
        awaited=msgspec.to_builtins(rig.health.awaiting) or {},
    )  # fmt: skip
    return status.build(loop, Snapshot(at=rig.world.now, wall=0.0))


def test_what_batman_adv_led_around_in_a_pause_needs_nobody_afterwards() -> None:
    rig = Rig()
    rig.healing.standing.paused_until = rig.world.now + 10
    rig.world.breaks("link-dead")
    rig.tick()
    assert document(rig)["state"] == "healing", "what a pause keeps from being done is done after it"
    rig.world.contained("link-dead")
    rig.run(60)
    assert not rig.acts
    assert document(rig)["state"] == "healing"


def test_a_person_is_still_asked_while_a_pause_keeps_it_from_trying_again() -> None:
    rig = Rig(services)
    rig.world.breaks("service-dead", SERVICE)
    rig.run(60)
    rig.healing.standing.paused_until = rig.world.now + 900
    rig.run(800)
    assert rig.decisions[-1].reason == "paused"
    assert document(rig)["state"] == "broken"


def test_in_observe_everything_is_left_to_a_person_but_what_nothing_depends_on() -> None:
    rig = Rig(policy=Policy(mode=OBSERVE))
    rig.world.breaks("link-dead")
    rig.tick()
    assert document(rig)["state"] == "broken"
    rig.world.contained("link-dead")
    rig.run(5)
    assert document(rig)["state"] == "healing"


@pytest.mark.parametrize("setup", [True, False], ids=["dead from the start", "not set up yet"])
def test_a_node_that_starts_beside_a_dead_link_is_starting_and_says_what_it_waits_for(setup: bool) -> None:
    rig = Rig(lambda world: [StillShowing(world, "link-dead")], healthy=False)
    rig.setup = setup
    rig.world.breaks("link-dead")
    rig.run(5)
    told = document(rig)
    assert told["state"] == "starting"
    awaited = told["awaited"]
    assert isinstance(awaited, dict)
    assert (awaited["what"], awaited["subject"]) == (("fault", LINK) if setup else ("setup", ""))
    rig.world.contained("link-dead")
    rig.run(5)
    assert document(rig)["state"] == "starting"
    rig.setup = True
    rig.world.mends("link-dead")
    rig.run(1)
    assert document(rig)["state"] == "healthy"


def test_what_nothing_can_be_done_about_needs_a_person_also_on_a_node_that_starts() -> None:
    rig = Rig(lambda world: [ScriptedFault(world, "link-dead", [])], healthy=False)
    rig.world.breaks("link-dead")
    rig.run(5)
    assert document(rig)["state"] == "broken"
