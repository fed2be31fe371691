# SPDX-License-Identifier: Apache-2.0
"""mac-duplicate: two of our interfaces, or a neighbour's and ours, have one address."""

from __future__ import annotations

import msgspec
import pytest

from agent.events import Snapshot
from agent.faults.base import State
from agent.faults.mac_duplicate import FAULT
from agent.mesh.wanted import hardif_mac
from agent.readings import Twin
from tests.unit.faults.hand import NOW, O1, OURS, about, diagnosis, link, mesh, view
from tests.unit.faults.wires import ALL, MAIN, PRIMARY, told, wanted, wires

DOUBLE = wires(link("e1", mac=OURS["e3"]))
BURNT = "00:11:22:33:44:55"


def test_the_one_that_changed_is_the_one_that_is_wrong() -> None:
    (found,) = FAULT.symptoms(view(DOUBLE, history=(wires(at=NOW - 3),)))
    assert found.subject == "hardif/e1", "though it is the elder interface"
    assert found.onset == NOW - 3
    assert OURS["e3"] in FAULT.sentence(found)
    (rung,) = FAULT.ladder(diagnosis(found), view(DOUBLE))
    assert (rung.action, rung.args) == ("set-mac", {"hardif": "e1", "mac": OURS["e1"]})


def test_where_neither_is_known_the_later_one_changes_to_its_makers_address() -> None:
    unknown = (MAIN, wanted("e1", was_mac=""), wanted("e3", was_mac=""))
    seen = wires(link("e1"), link("e3", mac=OURS["e1"], permanent_mac=BURNT), wanted=unknown)
    (found,) = FAULT.symptoms(view(seen))
    assert found.subject == "hardif/e3"
    (rung,) = FAULT.ladder(diagnosis(found), view(seen))
    assert rung.args["mac"] == BURNT


def test_with_no_other_address_it_gets_one_of_its_own_making() -> None:
    unknown = (MAIN, wanted("e1", was_mac=""), wanted("e3", was_mac=""))
    seen = wires(link("e3", mac=OURS["e1"], permanent_mac=OURS["e1"]), wanted=unknown)
    (found,) = FAULT.symptoms(view(seen))
    (rung,) = FAULT.ladder(diagnosis(found), view(seen))
    assert rung.args["mac"] == hardif_mac(mesh().mac, "e3")


def test_the_primary_keeps_its_address() -> None:
    (found,) = FAULT.symptoms(view(wires(link("e1", mac=PRIMARY.mac))))
    assert found.subject == "hardif/e1"


@pytest.mark.parametrize(
    "seen",
    [
        wires(),
        wires(link("e1", mac=OURS["e3"], master=0)),
        wires(links=None),
        wires(link("e1", mac=OURS["e3"]), mesh=None),
    ],
    ids=["healthy", "not in the mesh", "links unread", "mesh unread"],
)
def test_what_is_right_outside_or_unread_is_no_symptom(seen: Snapshot) -> None:
    assert not FAULT.symptoms(view(seen))


def twin(**changes: object) -> Twin:
    return msgspec.structs.replace(Twin("n1", O1, "e1", OURS["e1"], 0.5), **changes)


def test_a_neighbour_with_our_address_is_named_and_left_alone() -> None:
    seen = wires(twins=(twin(),))
    (found,) = FAULT.symptoms(view(seen))
    assert found.subject == f"neighbour/{OURS['e1']}"
    assert "n1 says hello on e1" in FAULT.sentence(found)
    assert not FAULT.ladder(diagnosis(found), view(seen))
    assert FAULT.state(diagnosis(found), view(seen)) is State.PRESENT
    assert FAULT.state(diagnosis(found), view(wires())) is State.GONE


@pytest.mark.parametrize(
    "changes",
    [{"originator": mesh().mac}, {"age": 60.0}, {"mac": OURS["e3"]}, {"hardif": "e9"}],
    ids=["our own come round", "long ago", "we have another now", "no such interface"],
)
def test_our_own_hello_come_round_or_an_old_one_is_no_twin(changes: dict[str, object]) -> None:
    assert not FAULT.symptoms(view(wires(twins=(twin(**changes),))))


def test_it_is_gone_when_each_has_its_own() -> None:
    it = about("mac-duplicate", "hardif/e1")
    assert FAULT.state(it, view(DOUBLE)) is State.PRESENT
    assert FAULT.state(it, view(wires())) is State.GONE
    assert FAULT.state(it, view(wires(links=None))) is State.PRESENT
    assert not FAULT.ladder(it, view(wires(link("e1", mac=OURS["e3"]), links=None, mesh=told(0), wanted=ALL)))
