# SPDX-License-Identifier: Apache-2.0
"""A root nothing is done about keeps nothing from being treated that can be treated by itself."""

from __future__ import annotations

from typing import Any

from agent.events import Verdict
from agent.mapek.policy import HEAL, Policy
from tests.unit.mapek.world import LINK, Rig, ScriptedAction, ScriptedFault, World

HASTE: tuple[str, dict[str, str]] = ("hasten-ogms", {})
DETACH: tuple[str, dict[str, str]] = ("detach-hardif", {})
MUTE: tuple[str, dict[str, str]] = ("mute-neighbour", {})
SERVES = "e2 still serves 3 other neighbours"


def faults(world: World) -> list[ScriptedFault]:
    return [
        ScriptedFault(world, "link-lossy", [("avoid-link", {}), DETACH], ["one-way", "link-dead"]),
        ScriptedFault(world, "one-way", [DETACH, MUTE, HASTE], ["link-dead"]),
        ScriptedFault(world, "link-dead", [DETACH, HASTE]),
        ScriptedFault(world, "node-dead", [DETACH, HASTE], ["link-dead"]),
    ]


def actions(world: World) -> list[ScriptedAction]:
    held = [ScriptedAction(world, name) for name in ("avoid-link", "detach-hardif", "mute-neighbour")]
    return [*held, ScriptedAction(world, "hasten-ogms", temporary=True)]


def refused() -> Rig:
    """A radio with several neighbours loses packets to one of them: nothing may be done about that."""
    rig = Rig(faults, actions)
    for action in ("avoid-link", "detach-hardif"):
        rig.world.refusals[action] = SERVES
    rig.world.breaks("link-lossy")
    rig.run(11)
    assert (rig.decisions[-1].verdict, rig.decisions[-1].reason) == (Verdict.NOTHING, "refused")
    return rig


def did(rig: Rig) -> list[str]:
    return [act.remedy.action for act in rig.acts]


def opened(rig: Rig) -> list[str]:
    return [episode.diagnosis.fault for episode in rig.healing.book.open.values()]


def test_beside_a_root_that_may_not_be_treated_what_it_explains_is() -> None:
    rig = refused()
    rig.world.breaks("one-way")
    rig.tick()
    assert did(rig) == ["mute-neighbour"]
    rig.world.contained("one-way")
    rig.run(60)
    assert rig.open_seqs, "it stays left out although its root still shows"
    assert opened(rig) == ["link-lossy", "one-way"]
    rig.world.mends("one-way")
    rig.run(20)
    assert not rig.open_seqs


def test_what_was_begun_beside_it_is_carried_through() -> None:
    rig = refused()
    rig.world.breaks("one-way")
    rig.run(6)
    assert did(rig) == ["mute-neighbour", "hasten-ogms"]


def test_a_root_that_may_soon_be_treated_keeps_what_it_explains() -> None:
    rig = Rig(faults, actions)
    for action in ("avoid-link", "detach-hardif"):
        rig.world.refusals[action] = "a table is unread"
    rig.world.breaks("link-lossy")
    rig.world.breaks("one-way")
    rig.run(5)
    assert not rig.acts
    assert opened(rig) == ["link-lossy"]


def test_what_has_no_rung_of_its_own_stays_explained() -> None:
    rig = Rig(faults, actions)
    rig.world.refusals["detach-hardif"] = "no other way"
    rig.world.breaks("link-dead")
    rig.world.breaks("node-dead")
    rig.run(60)
    assert opened(rig) == ["node-dead"]
    assert did(rig) == ["hasten-ogms"]


def test_haste_alone_is_no_reason_to_say_a_second_fault() -> None:
    rig = refused()
    rig.world.breaks("link-dead")
    rig.run(60)
    assert opened(rig) == ["link-lossy"]
    assert not rig.acts


def test_a_root_that_may_be_treated_after_all_is() -> None:
    rig = refused()
    rig.world.refusals["mute-neighbour"] = "no other neighbour leads there"
    rig.world.breaks("one-way")
    rig.run(5)
    rig.world.refusals["avoid-link"] = ""
    rig.tick()
    assert did(rig) == ["avoid-link"]
    assert opened(rig) == ["link-lossy"]


def test_what_follows_from_a_persons_wish_is_left_alone_with_it() -> None:
    """Somebody switched the mesh interface off, twice: what fell out of it with that stays out."""

    def switched_off(world: World) -> list[Any]:
        root: Any = ScriptedFault(world, "mesh-if-missing", [("set-up-mesh", {})], ["hardif-missing"])
        root.by_person = True
        return [root, ScriptedFault(world, "hardif-missing", [("attach-hardif", {})])]

    def able(world: World) -> list[ScriptedAction]:
        return [ScriptedAction(world, name, undoable=False) for name in ("set-up-mesh", "attach-hardif")]

    rig = Rig(switched_off, able, Policy(mode=HEAL, cooldown_first=0.0))
    for seconds in (1, 60):
        rig.world.breaks("mesh-if-missing", LINK)
        rig.world.breaks("hardif-missing", LINK)
        rig.run(seconds)
        rig.world.mends("mesh-if-missing", LINK)
        rig.world.mends("hardif-missing", LINK)
        rig.run(1)
    assert "left-alone" in [decision.reason for decision in rig.decisions]
    assert did(rig) == ["set-up-mesh"]
