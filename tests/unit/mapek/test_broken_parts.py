# SPDX-License-Identifier: Apache-2.0
"""A fault, a state, a check or an action that fails is named, and the others go on."""

from agent.faults.base import State
from tests.unit.mapek.world import (
    Rig,
    ScriptedAction,
    ScriptedFault,
)


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
