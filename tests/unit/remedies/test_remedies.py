# SPDX-License-Identifier: Apache-2.0
"""The four remedies: what they refuse, do, and take back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.events import Remedy
from agent.faults.base import View
from agent.readings import Neighbour, Originator
from agent.remedies.attach_hardif import ACTION as ATTACH
from agent.remedies.base import ActionError, UndoRecord
from agent.remedies.detach_hardif import ACTION as DETACH
from agent.remedies.hasten_ogms import ACTION as HASTEN
from agent.remedies.restart_service import ACTION as RESTART
from tests.unit.faults.hand import (
    N1,
    N3,
    NOW,
    O1,
    O3,
    link,
    mesh,
    neighbours,
    peer,
    snapshot,
    view,
    without,
)


class System:
    """An effector over a dictionary: masters of interfaces, an OGM interval, restarts."""

    def __init__(self, **masters: str | None) -> None:
        self.masters = masters
        self.ogm = 300
        self.restarted: list[str] = []
        self.routing: Any = None  # not for these actions
        self.wifi: Any = None
        self.gateways: Any = None
        self.secured: Any = None
        self.host: Any = None

    def attach_hardif(self, mesh: str, name: str) -> None:
        self.masters[name] = mesh

    def detach_hardif(self, name: str) -> None:
        self.masters[name] = ""

    def hardif_master(self, name: str) -> str | None:
        return self.masters.get(name)

    def set_ogm_interval(self, mesh: str, milliseconds: int) -> None:
        assert mesh == "bat0"
        self.ogm = milliseconds

    def ogm_interval(self, mesh: str) -> int:
        assert mesh == "bat0"
        return self.ogm

    def restart_service(self, name: str) -> None:
        self.restarted.append(name)


def remedy(action: str, **args: str) -> Remedy:
    return Remedy(action, "hardif/e1", args)


OUT = remedy("detach-hardif", mesh="bat0", hardif="e1", neighbour=N1)
IN = remedy("attach-hardif", mesh="bat0", hardif="e1")
SILENT = mesh(neighbours=neighbours(e1=0.6, e3=0.05))


def test_a_dead_link_may_be_detached_where_another_way_is_alive() -> None:
    assert DETACH.refusal(OUT, view(snapshot(mesh=SILENT))) == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"primary": "e1"}, "primary"),
        ({"hardifs_wanted": ("e3",)}, "not in the configuration"),
        ({"detached": frozenset({"e1"})}, "already"),
        ({"snapshot": snapshot(mesh=without("e1"))}, "not in the mesh"),
        ({"snapshot": snapshot(mesh=None)}, "not in the mesh"),
        ({"snapshot": snapshot(mesh=mesh(neighbours=neighbours(e1=0.6, e3=0.26)))}, "no other interface"),
        ({"snapshot": snapshot(mesh=mesh(neighbours=neighbours(e1=0.6)))}, "no other interface"),
        (
            {"snapshot": snapshot(mesh=SILENT, links=(link("e1"), link("e3", carrier=False)))},
            "no other interface",
        ),
        (
            {
                "snapshot": snapshot(
                    mesh=mesh(neighbours=(*neighbours(e1=0.6, e3=0.05), Neighbour("e1", N3, 0.1)))
                )
            },
            "other neighbour",
        ),
    ],
)
def test_detaching_is_refused_where_it_would_make_things_worse(changes: dict[str, Any], why: str) -> None:
    seen = msgspec.structs.replace(view(snapshot(mesh=SILENT)), **changes)
    assert why in DETACH.refusal(OUT, seen)


def known_by(*ways: Originator) -> View:
    rows = (Originator(O1, N1, "e1", 0.6, 10, best=True), *ways)
    return view(snapshot(mesh=mesh(neighbours=SILENT.neighbours, originators=rows)))


@pytest.mark.parametrize(
    "ways",
    [
        (),  # the live neighbour on e3 leads elsewhere
        (Originator(O3, N3, "e3", 0.1, 10, best=True),),
        (Originator(O1, "02:78:30:03:00:09", "e3", 0.1, 10),),  # through a neighbour that is not heard
        (Originator(O1, N3, "e3", 60.7, 10),),  # a way of the past: a minute before the link fell silent
    ],
)
def test_a_live_neighbour_that_does_not_lead_to_the_node_is_no_other_way(
    ways: tuple[Originator, ...],
) -> None:
    assert "no other interface" in DETACH.refusal(OUT, known_by(*ways))


def test_a_long_way_round_whose_late_messages_are_seldom_counted_is_a_way() -> None:
    assert DETACH.refusal(OUT, known_by(Originator(O1, N3, "e3", 45.0, 10))) == ""


def test_a_dead_node_s_last_words_by_the_other_way_are_as_old_as_those_by_the_link() -> None:
    for quiet in (0.6, 60.0):
        silent = mesh(
            neighbours=neighbours(e1=quiet, e3=0.05),
            originators=(Originator(O1, N1, "e1", quiet, 10, best=True), Originator(O1, N3, "e3", quiet, 9)),
        )
        assert DETACH.refusal(OUT, view(snapshot(mesh=silent))) == ""


def test_a_link_to_a_node_nobody_named_is_not_detached_unless_its_hello_does() -> None:
    nameless = view(snapshot(mesh=SILENT, peers=()), last_neighbours={})
    assert "no other interface" in DETACH.refusal(OUT, nameless)
    named = view(snapshot(mesh=SILENT, peers=(peer(),)), last_neighbours={})
    assert DETACH.refusal(OUT, named) == ""


def test_detaching_is_undone_by_attaching() -> None:
    system = System(e1="bat0")
    record = DETACH.undo_record(OUT, system)
    DETACH.act(OUT, system)
    assert system.masters == {"e1": ""}
    DETACH.act(OUT, system)  # once more changes nothing
    assert record is not None
    DETACH.undo(record, system)
    assert system.masters == {"e1": "bat0"}
    DETACH.undo(record, system)
    assert system.masters == {"e1": "bat0"}


@pytest.mark.parametrize("master", ["br-lan", None])
def test_undo_leaves_an_interface_alone_that_vanished_or_that_a_person_moved(master: str | None) -> None:
    system = System(e1=master)
    DETACH.undo(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e1"}), system)
    assert system.masters == {"e1": master}


def test_what_was_not_in_the_mesh_before_is_not_put_into_it_by_the_undo() -> None:
    assert DETACH.undo_record(OUT, System(e1="")) is None
    assert DETACH.undo_record(OUT, System()) is None


def test_an_interface_a_person_moved_is_not_detached() -> None:
    system = System(e1="br-lan")
    with pytest.raises(ActionError, match="master is br-lan"):
        DETACH.act(OUT, system)
    assert system.masters == {"e1": "br-lan"}


def test_a_missing_interface_is_attached() -> None:
    system = System(e1="")
    assert ATTACH.refusal(IN, view(snapshot(mesh=without("e1")))) == ""
    assert ATTACH.undo_record(IN, system) is None
    ATTACH.act(IN, system)
    assert system.masters == {"e1": "bat0"}


def test_attaching_is_refused_before_its_time_or_against_another_remedy_or_a_person() -> None:
    later = remedy("attach-hardif", mesh="bat0", hardif="e1", not_before=str(NOW + 7))
    assert "due in 7 s" in ATTACH.refusal(later, view())
    assert "another remedy" in ATTACH.refusal(IN, view(detached=frozenset({"e1"})))
    assert "does not exist" in ATTACH.refusal(IN, view(snapshot(links=(link("e3"),))))
    off = snapshot(links=(link("e1", admin_up=False),))
    assert ATTACH.refusal(IN, view(off)) == "", "attaching switches it on"


@pytest.mark.parametrize(("master", "said"), [("br-lan", "take it out there"), (None, "no such interface")])
def test_attaching_fails_in_words_where_the_interface_is_gone_or_taken(master: str | None, said: str) -> None:
    with pytest.raises(ActionError, match=said):
        ATTACH.act(IN, System(e1=master))


def test_haste_is_undone_to_the_interval_at_rest() -> None:
    system, haste = System(), remedy("hasten-ogms", mesh="bat0")
    assert HASTEN.refusal(haste, view()) == ""
    record = HASTEN.undo_record(haste, system)
    HASTEN.act(haste, system)
    assert system.ogm == 100
    assert record is not None
    HASTEN.undo(record, system)
    assert system.ogm == 300


def test_haste_is_refused_where_nobody_would_hear_it() -> None:
    haste = remedy("hasten-ogms", mesh="bat0")
    assert "no neighbour" in HASTEN.refusal(haste, view(snapshot(mesh=mesh(neighbours=()))))
    assert "could not be read" in HASTEN.refusal(haste, view(snapshot(mesh=None)))


def test_a_service_is_restarted_when_configured_and_due() -> None:
    system, restart = System(), remedy("restart-service", service="broker")
    assert RESTART.refusal(restart, view()) == ""
    assert RESTART.undo_record(restart, system) is None
    RESTART.act(restart, system)
    assert system.restarted == ["broker"]
    assert "no longer configured" in RESTART.refusal(restart, view(services_wanted=()))
    later = remedy("restart-service", service="broker", not_before=str(NOW + 20))
    assert "due in 20 s" in RESTART.refusal(later, view())
    assert RESTART.refusal(later, view(now=NOW + 21)) == ""


@pytest.mark.parametrize("action", [ATTACH, RESTART])
def test_undoing_what_cannot_be_undone_changes_nothing(action: Any) -> None:
    system = System(e1="bat0")
    action.undo(UndoRecord(action.id, {}), system)
    assert (system.masters, system.restarted) == ({"e1": "bat0"}, [])
