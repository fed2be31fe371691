# SPDX-License-Identifier: Apache-2.0
"""hardif-missing: an interface that should be in the mesh, is up, and is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.faults.base import State, View
from agent.faults.hardif_missing import FAULT
from agent.readings import Hardif
from tests.unit.faults.hand import NOW, OURS, about, diagnosis, link, mesh, snapshot, view, without

GONE = without("e1")


def missing(**changes: Any) -> View:
    free = (link("e1", master=0), link("e3"))
    base = view(snapshot(mesh=GONE, links=free), history=(snapshot(at=NOW - 1),))
    return msgspec.structs.replace(base, **changes)


def test_absent_by_batman_adv_and_by_rtnetlink_is_the_symptom() -> None:
    found = FAULT.symptoms(missing())
    assert [s.subject for s in found] == ["hardif/e1"]
    assert found[0].onset == NOW - 1  # when it was last seen attached
    said = FAULT.sentence(found[0])
    assert "e1 exists and is up with carrier" in said
    assert "bat0 uses x0prim, e3" in said


def test_where_only_one_of_the_two_says_so_it_is_a_suspicion() -> None:
    seen = missing(snapshot=snapshot(mesh=GONE))
    assert FAULT.suspicions(seen)
    assert not FAULT.symptoms(seen)


@pytest.mark.parametrize(
    "changes",
    [
        {"detached": frozenset({"e1"})},
        {"released": frozenset({"e1"})},
        {"set_up": frozenset({"e3"})},
        {"hardifs_wanted": ("e3",)},
        {"snapshot": snapshot(mesh=GONE, links=(link("e3"),))},
        {"snapshot": snapshot(mesh=GONE, links=(link("e1", admin_up=False, master=0), link("e3")))},
        {"snapshot": snapshot(mesh=GONE, links=(link("e1", master=77), link("e3")))},
        {"snapshot": snapshot(mesh=None)},
    ],
    ids=[
        "held by us",
        "just given back",
        "never set up",
        "not wanted",
        "no device",
        "off for a moment",
        "in a bridge",
        "unread",
    ],
)
def test_what_we_or_a_person_did_is_not_this_fault(changes: dict[str, Any]) -> None:
    assert not FAULT.suspicions(missing(**changes))
    assert not FAULT.symptoms(missing(**changes))


def test_it_is_attached_and_once_more_later() -> None:
    first, second = FAULT.ladder(diagnosis(FAULT.symptoms(missing())[0]), missing())
    assert first.action == second.action == "attach-hardif"
    assert first.args == {"mesh": "bat0", "hardif": "e1"}
    assert float(second.args["not_before"]) == NOW + 10


def test_it_is_gone_when_active_again_or_no_longer_ours_to_attach() -> None:
    told = about("hardif-missing", "hardif/e1")
    assert FAULT.state(told, missing()) is State.PRESENT
    assert FAULT.state(told, view()) is State.GONE
    inactive = mesh(hardifs=(Hardif("e1", 11, OURS["e1"], False),))
    assert FAULT.state(told, view(snapshot(mesh=inactive))) is State.PRESENT
    unplugged = view(snapshot(mesh=GONE, links=(link("e3"),)))
    assert FAULT.state(told, unplugged) is State.GONE


def off_for(seconds: float) -> View:
    """e1 has been switched off for so long; it stays in batman-adv's list."""
    idle = mesh(hardifs=(Hardif("e1", 11, OURS["e1"], False), Hardif("e3", 13, OURS["e3"], True)))
    past = []
    for tenths in range(80, 0, -5):
        down = tenths / 10 <= seconds
        links = (link("e1", admin_up=not down), link("e3"))
        past.append(snapshot(at=NOW - tenths / 10, links=links))
    now = snapshot(mesh=idle, links=(link("e1", admin_up=False), link("e3")))
    return view(now, history=tuple(past))


def test_an_interface_that_is_switched_off_is_restored_but_not_one_that_is_restarted() -> None:
    assert not FAULT.symptoms(off_for(2.5))
    found = FAULT.symptoms(off_for(4.0))
    assert [s.subject for s in found] == ["hardif/e1"]
    assert "switched off" in FAULT.sentence(found[0])
    assert FAULT.ladder(diagnosis(found[0]), off_for(4.0))[0].action == "attach-hardif"
    assert FAULT.state(diagnosis(found[0]), off_for(4.0)) is State.PRESENT
    assert FAULT.state(diagnosis(found[0]), view()) is State.GONE


@pytest.mark.parametrize("changes", [{"detached": frozenset({"e1"})}, {"set_up": frozenset({"e3"})}])
def test_an_interface_that_is_off_and_held_by_us_or_never_set_up_is_left(changes: dict[str, Any]) -> None:
    assert not FAULT.symptoms(msgspec.structs.replace(off_for(4.0), **changes))
