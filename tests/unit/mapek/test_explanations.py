# SPDX-License-Identifier: Apache-2.0
"""One fault explains another; what only suspects never acts."""

from agent.events import Suspicion
from agent.mapek.episodes import Phase
from tests.unit.mapek.world import (
    LINK,
    SAME_HARDIF,
    Rig,
    ScriptedFault,
    World,
)


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


def test_a_suspicion_never_acts() -> None:
    rig = Rig()
    rig.world.suspected = [Suspicion("link-dead", LINK, "late")]
    rig.run(60)
    assert not rig.acts
    assert not rig.healing.book.open


def test_a_cause_takes_over_the_episode_that_holds_something_before_those_that_do_not() -> None:
    def faults(world: World) -> list[ScriptedFault]:
        return [
            ScriptedFault(world, "one-way", rungs=()),
            ScriptedFault(world, "link-dead"),
            ScriptedFault(world, "wifi-deaf", rungs=(), explains=["one-way", "link-dead"]),
        ]

    rig = Rig(faults)
    rig.world.breaks("one-way", LINK)
    rig.tick()
    rig.world.breaks("link-dead", SAME_HARDIF)
    rig.tick()
    assert rig.open_seqs, "the second one holds the link out"
    rig.world.breaks("wifi-deaf", "hardif/e2")
    rig.run(1)
    assert rig.named("reclassified") == [f"link-dead on {SAME_HARDIF} is wifi-deaf: wifi-deaf hit hardif/e2."]
