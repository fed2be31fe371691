# SPDX-License-Identifier: Apache-2.0
"""partition: several known nodes fell silent together. Said by name, nothing is done."""

from __future__ import annotations

import msgspec
import pytest

from agent.faults.base import State, View
from agent.faults.partition import FAULT
from agent.readings import Known, Originator
from agent.sensors.known import FORGET_S, MAX_KNOWN, KnownNodes
from tests.unit.faults.hand import NOW, O1, O3, about, mesh, peer, snapshot, view


def mac(number: int) -> str:
    return f"02:00:00:00:01:{number:02x}"


def after(*ages: float, known_for: float = 600.0) -> View:
    """Nodes 0, 1, ... unheard for so long."""
    rows = tuple(Known(mac(n), age, known_for) for n, age in enumerate(ages))
    return view(snapshot(mesh=mesh(known=rows, originators_at=NOW)))


def test_two_that_fell_silent_together_are_a_partition_named_and_counted() -> None:
    seen = after(0.2, 0.3, 12.0, 14.0)
    (found,) = FAULT.symptoms(seen)
    assert (found.subject, found.onset) == ("mesh/bat0", NOW - 14.0)
    said = FAULT.sentence(found)
    assert mac(2) in said
    assert mac(3) in said
    assert "2 nodes fell silent within 8 s, 12 s ago" in said
    assert "2 other known nodes are heard" in said


def test_names_told_by_hellos_are_used() -> None:
    rows = (Known(O1, 12.0, 600.0), Known(O3, 12.0, 600.0), Known(mac(1), 0.1, 600.0))
    earlier = snapshot(peers=(peer(node="barn", originator=O1),))
    base = view(snapshot(mesh=mesh(known=rows), peers=()))
    (found,) = FAULT.symptoms(msgspec.structs.replace(base, history=(earlier,)))
    assert found.evidence["unreachable"] in (f"barn, {O3}", f"{O3}, barn")


def test_names_that_neighbours_told_of_nodes_behind_them_are_used() -> None:
    seen = after(0.2, 12.0, 13.0)
    told = {mac(1): "mill", mac(2): "church"}
    named = msgspec.structs.replace(seen, snapshot=msgspec.structs.replace(seen.snapshot, names=told))
    (found,) = FAULT.symptoms(named)
    assert "mill" in FAULT.sentence(found)
    assert "church" in FAULT.sentence(found)
    assert mac(1) not in FAULT.sentence(found)


@pytest.mark.parametrize(
    "seen",
    [
        after(),
        after(0.1, 0.2, 0.3),
        after(0.1, 0.2, 30.0),
        after(0.1, 12.0, 40.0),
        after(0.1, 9.0, 9.5),
        after(0.1, 12.0, 12.0, 8.0),
        after(12.0, 12.0, known_for=30.0),
        view(snapshot(mesh=None)),
    ],
    ids=[
        "none known",
        "all heard",
        "one",
        "one after the other",
        "early",
        "one more in doubt",
        "just met",
        "unread",
    ],
)
def test_what_is_no_group_or_no_sure_sign_is_no_symptom(seen: View) -> None:
    assert FAULT.symptoms(seen) == ()


def test_of_several_groups_the_largest_is_named() -> None:
    (found,) = FAULT.symptoms(after(0.1, 100.0, 101.0, 20.0, 21.0, 22.0))
    assert found.evidence["unreachable"] == ", ".join(map(mac, (3, 4, 5)))


def test_many_names_are_cut_short() -> None:
    (found,) = FAULT.symptoms(after(*(20.0 + n / 10 for n in range(30))))
    assert "and 22 more" in found.evidence["unreachable"]


def test_nothing_is_done() -> None:
    assert FAULT.ladder(about("partition", "mesh/bat0"), after(12.0, 12.0)) == ()


def test_late_ones_are_suspected_so_that_the_table_is_read_more_often() -> None:
    assert FAULT.suspicions(after(0.1, 4.0, 4.0))
    assert not FAULT.suspicions(after(0.1, 4.0))
    assert not FAULT.suspicions(after(25.0, 25.0))


def test_it_is_gone_when_they_are_back() -> None:
    told = msgspec.structs.replace(about("partition", "mesh/bat0"), onset=NOW - 14.0)
    assert FAULT.state(told, after(0.1, 12.0, 14.0)) is State.PRESENT
    assert FAULT.state(told, after(0.1, 0.4, 0.3)) is State.GONE
    assert FAULT.state(told, after(0.1, 0.4, 14.0)) is State.GONE, "one alone is a dead node"
    assert FAULT.state(told, after(0.1, 40.0, 41.0)) is State.GONE, "that is another group"
    assert FAULT.state(told, view(snapshot(mesh=None))) is State.PRESENT


def rows(**ages: float) -> tuple[Originator, ...]:
    return tuple(Originator(name, name, "e1", age) for name, age in ages.items())


def test_a_node_is_known_from_its_first_message_to_its_last_and_kept_when_the_table_forgets_it() -> None:
    known = KnownNodes()
    known.dumped(rows(a=0.0, b=1.0), 100.0)
    known.dumped((*rows(a=0.5, b=30.0), *rows(a=5.0)), 160.0)
    found = {row.mac: row for row in known.dumped(rows(a=0.0), 200.0)}
    assert found == {"a": Known("a", 0.0, 100.0), "b": Known("b", 70.0, 31.0)}


def test_who_is_unheard_for_hours_is_forgotten_and_their_number_is_bounded() -> None:
    known = KnownNodes()
    known.dumped(rows(a=0.0), 0.0)
    assert not known.dumped((), FORGET_S + 1)
    crowd = tuple(Originator(f"{n}", "n", "e1", n / 1000) for n in range(3 * MAX_KNOWN))
    found = known.dumped(crowd, FORGET_S + 2)
    assert len(found) == MAX_KNOWN
    assert {row.mac for row in found} >= {"0", "1"}, "those heard last stay"
