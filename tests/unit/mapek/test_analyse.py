# SPDX-License-Identifier: Apache-2.0
"""Root causes, views, the first healthy state, and the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent.faults
import agent.remedies
from agent.catalogue import CatalogueError
from agent.config import Config, Interface, Mesh, Node
from agent.events import Snapshot, Symptom
from agent.faults.base import Thresholds
from agent.mapek.analyse import Analyser
from agent.mapek.health import ALONE_AFTER, Health
from agent.mapek.policy import HEAL, Policy, policy_of
from agent.mapek.standing import Standing
from agent.mapek.view import MAX_NEIGHBOURS, Viewer
from agent.readings import Hardif, Link, Neighbour, Originator, Peer, Service
from agent.readings import Mesh as MeshReading
from tests.unit.mapek.world import LINK, OTHER, ScriptedFault, World

NAMES = ("a", "b", "c", "d")


def symptom(fault: str, subject: str = LINK, onset: float = 0.0) -> Symptom:
    return Symptom(fault, subject, onset, {})


def analyser(**explains: str) -> Analyser:
    world = World()
    faults: list[Any] = [ScriptedFault(world, n, explains=explains.get(n, "").split()) for n in NAMES]
    return Analyser(faults)


def roots(found: Analyser, *symptoms: Symptom) -> list[tuple[str, str]]:
    causes = found.causes(symptoms, World().view())
    return [(cause.symptom.fault, cause.symptom.subject) for cause in causes]


def test_a_symptom_explained_by_another_is_no_root() -> None:
    assert roots(analyser(b="a"), symptom("a"), symptom("b")) == [("b", LINK)]


def test_explaining_needs_an_overlapping_subject() -> None:
    assert roots(analyser(b="a"), symptom("a", OTHER), symptom("b")) == [("a", OTHER), ("b", LINK)]


def test_what_an_explained_symptom_explains_is_no_root_either() -> None:
    assert roots(analyser(c="b", b="a"), symptom("a"), symptom("b"), symptom("c")) == [("c", LINK)]


def test_what_an_idle_cause_lets_go_is_a_root_beside_it() -> None:
    def lets_go(root: Symptom, other: Symptom) -> bool:
        return (root.fault, other.fault) == ("b", "a")

    found = analyser(b="a c").causes((symptom("a"), symptom("b"), symptom("c")), World().view(), lets_go)
    assert [cause.symptom.fault for cause in found] == ["b", "a"]


@given(
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES)).map(" ".join)),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([LINK, OTHER, "hardif/e2"])), unique=True),
)
def test_there_is_always_a_root_whatever_explains_what(
    explains: dict[str, str], which: list[tuple[str, str]]
) -> None:
    found = roots(analyser(**explains), *(symptom(*one) for one in which))
    assert bool(found) == bool(which)
    assert set(found) <= set(which)


def mesh(**fields: Any) -> MeshReading:
    base = MeshReading("bat0", 5, "m", "BATMAN_V", 1000, 30, "off", False, False)
    return msgspec.structs.replace(base, **fields)


def hardif(name: str, active: bool = True) -> Hardif:
    return Hardif(name, 2, "h", active, 500)


def look(viewer: Viewer, snapshot: Snapshot, policy: Policy | None = None) -> Any:
    return viewer.view(
        snapshot, [], policy or Policy(hardifs_wanted=("e2",)), detached=frozenset(), episodes={}, relapses={}
    )


def peer(mac: str, originator: str) -> Peer:
    return Peer("n2", originator, "e2", mac, "fe80::1", 0.1, True)


def test_a_neighbours_originator_is_remembered_after_it_fell_silent() -> None:
    viewer = Viewer()
    well = mesh(hardifs=(hardif("e2"),), neighbours=(Neighbour("e2", "n", 0.1),))
    assert look(viewer, Snapshot(1.0, 0.0, mesh=well, peers=(peer("n", "o"),))).last_neighbours == {
        "e2/n": "o"
    }
    silent = mesh(hardifs=(hardif("e2"),), neighbours=(Neighbour("e2", "n", 9.0),))
    assert look(viewer, Snapshot(2.0, 0.0, mesh=silent)).last_neighbours == {"e2/n": "o"}


def test_a_neighbour_first_seen_silent_is_not_remembered() -> None:
    silent = mesh(hardifs=(hardif("e2"),), neighbours=(Neighbour("e2", "n", 9.0),))
    assert look(Viewer(), Snapshot(1.0, 0.0, mesh=silent, peers=(peer("n", "o"),))).last_neighbours == {}


def test_a_neighbour_that_is_its_own_originator_needs_no_hello() -> None:
    plain = mesh(
        hardifs=(hardif("e2"),),
        neighbours=(Neighbour("e2", "n", 0.1),),
        originators=(Originator("n", "n", "e2", 0.1),),
    )
    assert look(Viewer(), Snapshot(1.0, 0.0, mesh=plain)).last_neighbours == {"e2/n": "n"}


def test_remembered_neighbours_are_bounded() -> None:
    macs = [f"n{number}" for number in range(MAX_NEIGHBOURS + 50)]
    many = mesh(hardifs=(hardif("e2"),), neighbours=tuple(Neighbour("e2", mac, 0.1) for mac in macs))
    snapshot = Snapshot(1.0, 0.0, mesh=many, peers=tuple(peer(mac, "o") for mac in macs))
    assert len(look(Viewer(), snapshot).last_neighbours) == MAX_NEIGHBOURS


def test_set_up_are_the_configured_hardifs_once_active() -> None:
    viewer = Viewer()
    first = mesh(hardifs=(hardif("e2"), hardif("x0prim"), hardif("e3", active=False)))
    policy = Policy(hardifs_wanted=("e2", "e3"))
    assert look(viewer, Snapshot(1.0, 0.0, mesh=first), policy).set_up == {"e2"}
    assert look(viewer, Snapshot(2.0, 0.0, mesh=mesh()), policy).set_up == {"e2"}


def test_nothing_is_set_up_in_a_mesh_interface_that_was_made_anew() -> None:
    viewer, policy = Viewer(), Policy(hardifs_wanted=("e2",))
    first = mesh(hardifs=(hardif("e2"),))
    assert look(viewer, Snapshot(1.0, 0.0, mesh=first), policy).set_up == {"e2"}
    assert look(viewer, Snapshot(2.0, 0.0), policy).set_up == {"e2"}, "unread is no evidence"
    anew = msgspec.structs.replace(first, index=first.index + 1, hardifs=())
    assert look(viewer, Snapshot(3.0, 0.0, mesh=anew), policy).set_up == frozenset()
    back = msgspec.structs.replace(anew, hardifs=(hardif("e2"),))
    assert look(viewer, Snapshot(4.0, 0.0, mesh=back), policy).set_up == {"e2"}


GOOD = Snapshot(
    1000.0,
    0.0,
    links=(Link("e2", 2, "h", 1532, True, True),),
    mesh=mesh(hardifs=(hardif("e2"),), neighbours=(Neighbour("e2", "n", 0.1),)),
    services=(Service("broker", "running"),),
)
WANTS = Policy(mode=HEAL, hardifs_wanted=("e2",), services_wanted=("broker",))


def judged(
    snapshot: Snapshot, symptoms: tuple[Symptom, ...] = (), setup: bool = True, later: float = 0
) -> str:
    health = Health(lambda: setup, lambda: None)
    health.look(look(Viewer(), snapshot, WANTS), symptoms)
    if later:
        later_on = msgspec.structs.replace(snapshot, at=snapshot.at + later)
        health.look(look(Viewer(), later_on, WANTS), symptoms)
    assert health.healthy == (not health.reason)
    assert health.complete == health.healthy
    return health.reason


def test_a_node_with_all_it_should_have_is_healthy() -> None:
    assert judged(GOOD) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mesh": None}, "cannot be read"),
        ({"mesh": mesh(hardifs=(hardif("e2", active=False),))}, "interface e2 is not active"),
        ({"services": (Service("broker", "hung"),)}, "service broker is hung"),
        ({"services": None}, "not read yet"),
        ({"mesh": mesh(hardifs=(hardif("e2"),))}, "no neighbour heard"),
    ],
)
def test_what_is_missing_for_health_is_named(changes: dict[str, Any], reason: str) -> None:
    assert reason in judged(msgspec.structs.replace(GOOD, **changes))


def test_waiting_for_a_neighbour_is_no_news_each_second() -> None:
    alone = msgspec.structs.replace(GOOD, mesh=mesh(hardifs=(hardif("e2"),)))
    assert len({judged(alone, later=seconds) for seconds in (0.0, 4.0, 12.0)}) == 1


def test_a_symptom_is_not_healthy() -> None:
    assert judged(GOOD, (symptom("link-dead"),)) == f"link-dead on {LINK}"


def test_a_link_that_loses_packets_from_the_start_keeps_no_node_from_healing() -> None:
    health = Health(lambda: True, lambda: None)
    health.look(look(Viewer(), GOOD, WANTS), (symptom("link-lossy"),))
    assert health.was_healthy
    assert not health.healthy


def test_a_service_that_never_ran_keeps_only_itself_from_being_treated() -> None:
    health = Health(lambda: True, lambda: None)
    gone = msgspec.structs.replace(GOOD, services=(Service("broker", "gone"),))
    health.look(look(Viewer(), gone, WANTS), (symptom("service-dead", "service/broker"),))
    assert health.was_healthy
    assert not health.healthy
    assert health.awaited(LINK) == health.awaited("") == ""
    standing = Standing(WANTS, health)
    assert standing.closed(1000.0, LINK) == ("", "")
    assert standing.closed(1000.0, "service/broker")[0] == "unhealthy"
    assert "broker did not run yet" in health.awaited("service/broker")


def test_a_dead_link_at_the_start_keeps_no_service_that_ran_from_being_treated() -> None:
    health = Health(lambda: True, lambda: None)
    health.look(look(Viewer(), GOOD, WANTS), (symptom("link-dead"),))
    assert f"not healthy yet since it started: link-dead on {LINK}" in health.awaited(LINK)
    assert health.awaited("service/broker") == ""
    gone = msgspec.structs.replace(GOOD, services=(Service("broker", "gone"),))
    health.look(look(Viewer(), gone, WANTS), (symptom("link-dead"),))
    assert health.awaited("service/broker") == "", "it ran once"
    assert health.awaited("service/unknown"), "of what is not configured nothing is known but the mesh"


def test_an_absent_device_does_not_keep_a_node_from_health() -> None:
    assert judged(msgspec.structs.replace(GOOD, links=(), mesh=mesh(neighbours=GOOD.mesh.neighbours))) == ""  # type: ignore[union-attr]


def test_a_node_alone_is_healthy_after_half_a_minute() -> None:
    alone = msgspec.structs.replace(GOOD, mesh=mesh(hardifs=(hardif("e2"),)))
    assert judged(alone)
    assert judged(alone, later=ALONE_AFTER) == ""


def test_the_policy_comes_from_the_configuration() -> None:
    config = Config(node=Node("n1"), mode="heal", mesh=Mesh(interfaces=(Interface("e2"),)))
    policy = policy_of(config)
    assert (policy.mode, policy.hardifs_wanted, policy.primary) == ("heal", ("e2",), "x0prim")
    assert policy.thresholds == Thresholds()
    disabled = msgspec.structs.replace(config, mesh=msgspec.structs.replace(config.mesh, enabled=False))
    assert policy_of(disabled).hardifs_wanted == ()


@pytest.mark.parametrize("package", [agent.faults, agent.remedies])
def test_the_catalogue_is_sorted_and_without_duplicates(package: Any) -> None:
    found = [entry.id for entry in package.discover()]
    assert found == sorted(set(found))
    assert found


@pytest.mark.parametrize(("package", "entry"), [(agent.faults, "FAULT"), (agent.remedies, "ACTION")])
def test_two_files_with_one_id_are_refused(
    package: Any, entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x0_twin_a", "x0_twin_b"):
        (tmp_path / f"{name}.py").write_text(f"class Twin:\n    id = 'twin'\n{entry} = Twin()\n")
    monkeypatch.setattr(package, "__path__", [str(tmp_path)])
    with pytest.raises(CatalogueError, match=r"x0_twin_a\.py and x0_twin_b\.py"):
        package.discover()
