# SPDX-License-Identifier: Apache-2.0
"""metric-wrong: batman-adv is told another speed than configuration, device or measurement say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.events import Snapshot
from agent.faults.base import State, View
from agent.faults.metric_wrong import FAULT
from agent.mapek.analyse import Analyser
from agent.readings import Neighbour
from tests.unit.faults.hand import N1, NOW, about, diagnosis, view
from tests.unit.faults.wires import KBIT, MAIN, told, wanted, wires


def twice(seen: Snapshot, **changes: Any) -> View:
    """Read twice, a second apart; the dump before still older."""
    assert seen.mesh is not None
    older = msgspec.structs.replace(
        seen, at=NOW - 1.2, mesh=msgspec.structs.replace(seen.mesh, hardifs_at=NOW - 1.0)
    )
    return view(seen, history=(older,), **changes)


def auto(**changes: Any) -> tuple[Any, ...]:
    return (MAIN, wanted("e1", throughput_kbit=0, **changes), wanted("e3"))


def heard(kbit: int) -> tuple[Neighbour, ...]:
    return (Neighbour("e1", N1, 0.1, kbit),)


SLOW = wires(mesh=told(1000))


def test_another_override_than_configured_is_the_symptom_after_two_dumps() -> None:
    (found,) = FAULT.symptoms(twice(SLOW))
    assert found.subject == "hardif/e1"
    assert found.onset == NOW - 1.0
    said = FAULT.sentence(found)
    assert "1 Mbit/s for e1" in said
    assert "1 Gbit/s (configuration)" in said
    assert not FAULT.symptoms(view(SLOW)), "one dump may show what is just being set"


@pytest.mark.parametrize(
    ("seen", "changes"),
    [
        (wires(), {}),
        (wires(mesh=told(None)), {}),
        (wires(mesh=told(1000), wanted=None), {}),
        (wires(mesh=told(1000), wanted=(wanted("e1", throughput_age=3.0),)), {}),
        (wires(mesh=told(1000), wanted=(wanted("e1", read_at=NOW - 1.5),)), {}),
        (wires(mesh=told(1000), wanted=(wanted("e1", throughput_kbit=None),)), {}),
        (wires(mesh=told(1000), wanted=(wanted("e1", kind="radio", throughput_kbit=0),)), {}),
        (SLOW, {"episodes": {"hardif/e1/" + N1: "link-lossy"}}),
        (SLOW, {"episodes": {"hardif/e1": "link-lossy"}}),
        (SLOW, {"given_back": {"e1": NOW - 1}}),
        (SLOW, {"detached": frozenset({"e1"})}),
        (wires(mesh=told(0, neighbours=heard(1_000_000)), wanted=auto(speed_kbit=KBIT)), {}),
        (wires(mesh=told(0, neighbours=()), wanted=auto(speed_kbit=KBIT)), {}),
        (wires(mesh=told(0, neighbours=heard(1000)), wanted=auto()), {}),
        (wires(mesh=told(KBIT), wanted=auto(speed_kbit=KBIT)), {}),
        (wires(mesh=told(1_234_500), wanted=(wanted("e1", throughput_kbit=1_234_567),)), {}),
    ],
    ids=[
        "right", "override unread", "wants unread", "wanted only now",
        "wish read before",
        "device unread", "radio",
        "another remedy set it for a neighbour", "another remedy set it", "just given back", "held out",
        "the device is asked and told", "no neighbour to tell", "the device says nothing",
        "set to what the device says", "rounded as the kernel does",
    ],
)  # fmt: skip
def test_what_is_right_or_set_on_purpose_is_no_symptom(seen: Snapshot, changes: dict[str, Any]) -> None:
    assert not FAULT.symptoms(twice(seen, **changes))
    assert not FAULT.suspicions(twice(seen, **changes))


def test_without_a_mesh_there_is_no_symptom() -> None:
    assert not FAULT.symptoms(view(wires(mesh=None)))


def test_batman_advs_last_resort_is_wrong_for_a_device_that_says_its_speed() -> None:
    seen = wires(mesh=told(0, neighbours=heard(1000)), wanted=auto(speed_kbit=100_000))
    (found,) = FAULT.symptoms(twice(seen))
    assert "100 Mbit/s (the device says)" in FAULT.sentence(found)
    (rung,) = FAULT.ladder(diagnosis(found), twice(seen))
    assert rung.args == {"mesh": "bat0", "hardif": "e1", "kbit": "100000"}


def test_an_override_by_hand_on_an_automatic_wire_goes_back_to_automatic() -> None:
    seen = wires(mesh=told(5000), wanted=auto(speed_kbit=100_000))
    (found,) = FAULT.symptoms(twice(seen))
    (rung,) = FAULT.ladder(diagnosis(found), twice(seen))
    assert rung.args["kbit"] == "0"


def test_what_a_test_carried_counts_where_it_is_wanted() -> None:
    measured = (MAIN, wanted("e1", throughput_kbit=20_000, measured_kbit=20_000), wanted("e3"))
    (found,) = FAULT.symptoms(twice(wires(wanted=measured)))
    assert "20 Mbit/s (a test over it)" in FAULT.sentence(found)


def test_it_is_gone_when_told_right_and_present_while_unread() -> None:
    it = about("metric-wrong", "hardif/e1")
    assert FAULT.state(it, view(SLOW)) is State.PRESENT
    assert FAULT.state(it, view(wires())) is State.GONE
    assert FAULT.state(it, view(wires(mesh=None))) is State.PRESENT
    assert FAULT.state(it, view(wires(wanted=None))) is State.PRESENT
    assert not FAULT.ladder(it, view(wires(wanted=None)))


def by_person(seen: Snapshot, *before: Snapshot) -> bool:
    """Read twice, a second apart, after these."""
    now = twice(seen)
    older = tuple(
        msgspec.structs.replace(
            each, at=NOW - 2.0, mesh=msgspec.structs.replace(each.mesh, hardifs_at=NOW - 2.0)
        )
        for each in before
        if each.mesh is not None
    )
    (found,) = FAULT.symptoms(msgspec.structs.replace(now, history=(*older, *now.history)))
    return Analyser([FAULT]).by_person(diagnosis(found))


def test_an_override_that_was_right_and_was_changed_is_somebodys_doing() -> None:
    assert by_person(SLOW, wires())


def test_what_batman_adv_or_a_device_changes_is_nobodys_doing() -> None:
    lost = wires(mesh=told(0, neighbours=heard(1000)), wanted=auto(speed_kbit=KBIT))
    well = wires(mesh=told(0, neighbours=heard(KBIT)), wanted=auto(speed_kbit=KBIT))
    assert not by_person(lost, well), "its last resort: nobody told it anything"
    assert not by_person(SLOW), "it was never seen right"
    assert not by_person(SLOW, wires(mesh=told(2000))), "what is wanted changed: its device has another speed"
    assert not by_person(SLOW, wires(mesh=told(None))), "it was out of the mesh, which forgets it"
    assert not by_person(SLOW, wires(mesh=told(KBIT, index=77))), "the mesh interface was made anew"
