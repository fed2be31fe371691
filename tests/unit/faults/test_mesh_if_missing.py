# SPDX-License-Identifier: Apache-2.0
"""mesh-if-missing: bat0 gone, made anew and not whole yet, or off; a radio without its interface."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.events import Diagnosis, Snapshot
from agent.faults.base import State
from agent.faults.mesh_if_missing import FAULT
from agent.mapek.analyse import Analyser
from tests.unit.faults.hand import NOW, about, diagnosis, link, mesh, view
from tests.unit.faults.wires import BAT, MAIN, PRIMARY, wanted, wires

GONE = wires(links=(PRIMARY, link("e1", master=0), link("e3", master=0)))
BEFORE = wires(at=NOW - 1)
IT = about("mesh-if-missing", "mesh/bat0")


def anew(**changes: Any) -> Snapshot:
    """bat0 has another index now."""
    bat = msgspec.structs.replace(BAT, index=77)
    return wires(bat, mesh=mesh(index=77, **changes))


def test_a_removed_mesh_interface_is_the_symptom_even_while_its_last_reading_is_shown() -> None:
    (found,) = FAULT.symptoms(view(GONE, history=(BEFORE,)))
    assert found.subject == "mesh/bat0"
    assert found.onset == NOW - 1
    assert "bat0 is gone" in FAULT.sentence(found)
    assert FAULT.symptoms(view(msgspec.structs.replace(GONE, mesh=None)))


def by_person(told: Diagnosis) -> bool:
    return Analyser([FAULT]).by_person(told)


def test_what_software_removes_is_nobodys_doing_and_made_again_each_time() -> None:
    for seen, history in ((GONE, (BEFORE,)), (anew(hardifs=(), neighbours=()), (BEFORE,)), (radio(), ())):
        (found,) = FAULT.symptoms(view(seen, history=history))
        assert not by_person(diagnosis(found)), found


def test_made_anew_it_is_wrong_until_all_that_was_in_it_is_again() -> None:
    def wrong(seen: Snapshot) -> bool:
        return FAULT.state(IT, view(seen, history=(BEFORE,), set_up=frozenset())) is State.PRESENT

    assert wrong(anew(hardifs=(), neighbours=()))
    assert wrong(anew(neighbours=()))
    assert not wrong(anew())
    assert wrong(wires(msgspec.structs.replace(BAT, index=77))), "not read yet"


def test_switched_off_after_it_was_set_up_is_the_symptom_and_restored_once() -> None:
    off = wires(msgspec.structs.replace(BAT, admin_up=False))
    (found,) = FAULT.symptoms(view(off, history=(BEFORE,)))
    assert "switched off" in FAULT.sentence(found)
    assert found.onset == NOW - 1
    told = diagnosis(found)
    assert [rung.action for rung in FAULT.ladder(told, view(off))] == ["set-up-mesh"] * 2
    assert by_person(told), "a second time it is left alone"


@pytest.mark.parametrize(
    ("seen", "changes"),
    [
        (wires(), {}),
        (wires(links=None), {}),
        (GONE, {"hardifs_wanted": ()}),
        (msgspec.structs.replace(GONE, mesh=None), {"set_up": frozenset()}),
        (wires(mesh=None), {"set_up": frozenset()}),
        (wires(msgspec.structs.replace(BAT, admin_up=False)), {"set_up": frozenset()}),
    ],
    ids=["healthy", "unread", "no mesh wanted", "not made yet", "not read yet", "not set up yet"],
)
def test_what_is_right_or_only_being_set_up_is_no_symptom(seen: Snapshot, changes: dict[str, Any]) -> None:
    assert not FAULT.symptoms(view(seen, **changes))
    assert not FAULT.suspicions(view(seen, **changes))


def test_the_set_up_looks_at_once_and_again_later() -> None:
    first, second = FAULT.ladder(IT, view(GONE))
    assert first.action == second.action == "set-up-mesh"
    assert float(second.args["not_before"]) > NOW


def radio(**changes: Any) -> Snapshot:
    """wlan0 was configured and is gone; phy0 has no interface."""
    found = wanted("wlan0", kind="radio", there=False, throughput_kbit=None, left_phy=0)
    return wires(wanted=(MAIN, msgspec.structs.replace(found, **changes)))


def test_a_radio_without_its_interface_gets_it_again() -> None:
    (found,) = FAULT.symptoms(view(radio()))
    assert found.subject == "hardif/wlan0"
    assert "wlan0 is gone" in FAULT.sentence(found)
    (rung,) = FAULT.ladder(diagnosis(found), view(radio()))
    assert (rung.action, rung.args) == ("make-radio", {"hardif": "wlan0"})
    assert FAULT.state(diagnosis(found), view(radio())) is State.PRESENT


def test_an_unplugged_radio_is_no_fault_of_this_kind() -> None:
    assert not FAULT.symptoms(view(radio(left_phy=None)))
    it = about("mesh-if-missing", "hardif/wlan0")
    assert FAULT.state(it, view(radio(left_phy=None))) is State.GONE


def test_it_is_gone_when_whole_and_present_while_unread() -> None:
    assert FAULT.state(IT, view(GONE)) is State.PRESENT
    assert FAULT.state(IT, view(wires())) is State.GONE
    assert FAULT.state(IT, view(wires(links=None))) is State.PRESENT
    it = about("mesh-if-missing", "hardif/e1")
    assert FAULT.state(it, view(wires())) is State.GONE
