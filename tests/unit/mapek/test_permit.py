# SPDX-License-Identifier: Apache-2.0
"""Rules of the authorisation in the loop: asked before a remedy is chosen and again before it is begun."""

from __future__ import annotations

from typing import Any

import pytest

from agent import remedies
from agent.authz.authoriser import Authoriser
from agent.configpolicy import Rule
from agent.events import Remedy, Scope, Verdict
from agent.mapek.permit import Permit, reach_of
from tests.unit.mapek.world import Rig, ScriptedFault

DETACH = Remedy("detach-hardif", "hardif/e1/m", {})


def deny(on: str) -> Rule:
    return Rule("hands-off", "deny", ("self",), ("remedy.act",), (on,), why="the operator's wish")


def rig_with(authoriser: Authoriser, rungs: list[tuple[str, dict[str, str]]], **more: Any) -> Rig:
    return Rig(lambda world: [ScriptedFault(world, "link-dead", rungs, **more)], authoriser=authoriser)


def test_a_rung_that_a_rule_denies_is_passed_over_for_the_next() -> None:
    rig = rig_with(Authoriser([deny("node/hasten-ogms")]), [("hasten-ogms", {}), ("detach-hardif", {})])
    rig.world.breaks("link-dead")
    rig.run(3)
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif"]


def test_where_every_rung_is_denied_the_rule_is_named_and_a_person_called() -> None:
    rig = rig_with(Authoriser([deny("*")]), [("detach-hardif", {})])
    rig.world.breaks("link-dead")
    rig.run(3)
    assert not rig.acts
    assert rig.decisions[0].verdict is Verdict.NOTHING
    assert "the rule hands-off of the policy denies it (the operator's wish)" in rig.decisions[0].sentence


def test_a_rule_that_goes_lets_the_remedy_be_used() -> None:
    authoriser = Authoriser([deny("*")])
    rig = rig_with(authoriser, [("detach-hardif", {})])
    rig.world.breaks("link-dead")
    rig.run(3)
    authoriser.reload([])
    rig.run(3)
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif"]


def test_what_concerns_the_mesh_may_be_done_where_a_rule_allows_it() -> None:
    """As a community may decide beforehand."""
    allowed = Rule("agreed", "allow", ("self",), ("remedy.act",), ("mesh/detach-hardif",))
    rig = rig_with(Authoriser([allowed]), [("detach-hardif", {})], scope=Scope.MESH)
    rig.world.breaks("link-dead")
    rig.run(3)
    assert rig.acts


def test_a_remedy_reaches_as_far_as_its_ladder_says_and_its_nature() -> None:
    asked: list[str] = []

    class Listening(Authoriser):
        def look(self, *question: Any) -> Any:
            asked.append(question[2])
            return super().look(*question)

    permit = Permit(remedies.discover(), Listening())
    permit.refusal(DETACH)
    permit.refusal(Remedy("detach-hardif", "hardif/e1", {}, Scope.MESH))
    permit.refusal(Remedy("hasten-ogms", "mesh/bat0", {}))
    permit.refusal(Remedy("restart-service", "service/a", {}))
    permit.refusal(Remedy("no-such-remedy", "host/disk", {}))
    assert asked == [
        "neighbours/detach-hardif",
        "mesh/detach-hardif",
        "mesh/hasten-ogms",
        "node/restart-service",
        "node/no-such-remedy",
    ]


@pytest.mark.parametrize("scope", list(Scope))
def test_the_act_is_counted_and_the_looks_before_it_are_not(scope: Scope) -> None:
    authoriser = Authoriser()
    permit = Permit(remedies.discover(), authoriser)
    remedy = Remedy("restart-service", "service/a", {}, scope)
    for _ in range(10):
        permit.refusal(remedy)
    allowed = scope is Scope.NODE
    assert sum(count or 0 for count in authoriser.tally.series().values()) == (0 if allowed else 1)
    assert bool(permit.forbidden(remedy)) is not allowed
    assert sum(count or 0 for count in authoriser.tally.series().values()) == (1 if allowed else 2)


def test_remedies_that_others_feel_say_so() -> None:
    """By what they do: leave or lower a link, be off the air, change what the mesh is told."""
    found = {action.id: reach_of(action) for action in remedies.discover()}
    assert {name: reach for name, reach in found.items() if reach is not Scope.NODE} == {
        "avoid-link": Scope.NEIGHBOURS,
        "detach-hardif": Scope.NEIGHBOURS,
        "hasten-ogms": Scope.MESH,
        "mute-neighbour": Scope.NEIGHBOURS,
        "rejoin-mesh": Scope.NEIGHBOURS,
        "rekey-link": Scope.NEIGHBOURS,
        "renew-link": Scope.NEIGHBOURS,
        "restart-radio": Scope.NEIGHBOURS,
        "scan-radio": Scope.NEIGHBOURS,
        "set-mac": Scope.NEIGHBOURS,
        "withdraw-gateway": Scope.MESH,
    }
