# SPDX-License-Identifier: Apache-2.0
"""mtu-small: an interface that took full packets and no longer does."""

from __future__ import annotations

import msgspec
import pytest

from agent.events import Snapshot
from agent.faults.base import State
from agent.faults.mtu_small import FAULT
from agent.mapek.analyse import Analyser
from tests.unit.faults.hand import NOW, about, diagnosis, link, mesh, view
from tests.unit.faults.wires import ALL, BAT, MAIN, PRIMARY, wanted, wires

SMALL = wires(link("e1", mtu=1400))


def test_an_mtu_that_fell_is_the_symptom_with_both_figures() -> None:
    (found,) = FAULT.symptoms(view(SMALL, history=(wires(at=NOW - 2),)))
    assert found.subject == "hardif/e1"
    assert found.onset == NOW - 2
    said = FAULT.sentence(found)
    assert "1400" in said
    assert "1532" in said


def test_the_primary_counts_as_well() -> None:
    (found,) = FAULT.symptoms(view(wires(msgspec.structs.replace(PRIMARY, mtu=1300))))
    assert found.subject == "hardif/x0prim"


@pytest.mark.parametrize(
    "seen",
    [
        wires(),
        wires(link("e1", mtu=1400), wanted=(MAIN, wanted("e1", was_mtu=1500), wanted("e3"))),
        wires(link("e1", mtu=1400, admin_up=False)),
        wires(link("e1", mtu=1400), links=(link("e3"),)),
        wires(link("e1", mtu=1400), wanted=None),
        wires(links=None),
        wires(link("e1", mtu=1500), wanted=(MAIN, wanted("e1", mtu=9000, was_mtu=1532))),
    ],
    ids=["healthy", "never could", "off", "unplugged", "wants unread", "links unread", "more never reached"],
)
def test_what_is_right_never_could_or_is_not_read_is_no_symptom(seen: Snapshot) -> None:
    assert not FAULT.symptoms(view(seen))
    assert not FAULT.suspicions(view(seen))


def test_an_interface_not_set_up_yet_is_the_keepers() -> None:
    assert not FAULT.symptoms(view(SMALL, set_up=frozenset({"e3"})))


def test_fragments_sent_since_stand_in_the_evidence() -> None:
    before = wires(at=NOW - 20, mesh=mesh(counters={"frag_tx": 10, "frag_fwd": 1}))
    now = msgspec.structs.replace(SMALL, mesh=mesh(counters={"frag_tx": 40, "frag_fwd": 3}))
    (found,) = FAULT.symptoms(view(now, history=(before,)))
    assert found.evidence["fragments"].startswith("32 ")


def test_it_is_raised_and_where_that_is_refused_the_mesh_carries_what_fits() -> None:
    first, second = FAULT.ladder(diagnosis(FAULT.symptoms(view(SMALL))[0]), view(SMALL))
    assert (first.action, first.args) == ("raise-mtu", {"hardif": "e1", "mtu": "1532"})
    assert (second.action, second.args) == ("clamp-mtu", {"hardif": "bat0", "mtu": "1368"})


def test_no_rung_for_what_is_gone() -> None:
    assert not FAULT.ladder(about("mtu-small", "hardif/e9"), view(SMALL))


def test_raised_is_gone_and_clamped_is_contained() -> None:
    it = about("mtu-small", "hardif/e1")
    assert FAULT.state(it, view(SMALL)) is State.PRESENT
    assert FAULT.state(it, view(wires())) is State.GONE
    assert FAULT.state(it, view(wires(link("e1", mtu=1400), msgspec.structs.replace(BAT, mtu=1368)))) is (
        State.CONTAINED
    )
    assert FAULT.state(it, view(wires(links=None))) is State.PRESENT
    assert FAULT.state(it, view(wires(links=(BAT,)))) is State.GONE
    assert FAULT.state(it, view(wires(link("e1", mtu=1400), wanted=ALL[:1]))) is State.GONE


def by_person(seen: Snapshot, before: Snapshot) -> bool:
    (found,) = FAULT.symptoms(view(seen, history=(before,)))
    return Analyser([FAULT]).by_person(diagnosis(found))


def test_lowered_on_the_device_there_is_it_is_somebodys_doing_and_raised_once() -> None:
    assert by_person(SMALL, wires(at=NOW - 2))


def test_a_device_made_anew_comes_with_a_small_one_by_itself() -> None:
    older = msgspec.structs.replace(link("e1"), index=99)
    assert not by_person(SMALL, wires(older, at=NOW - 2))
    assert not by_person(SMALL, wires(links=None, at=NOW - 2))
