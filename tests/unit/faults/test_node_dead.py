# SPDX-License-Identifier: Apache-2.0
"""node-dead: a dead link whose node is unheard on every way."""

from __future__ import annotations

from agent.faults.base import State
from agent.faults.node_dead import FAULT
from agent.readings import Neighbour, Originator
from tests.unit.faults.hand import (
    DEAD,
    N1,
    N3,
    NOW,
    O1,
    O3,
    about,
    echo,
    mesh,
    neighbours,
    peer,
    snapshot,
    view,
    without,
)


def rows(o1: float, *, o4: float | None = None) -> tuple[Originator, ...]:
    found = [Originator(O1, N1, "e1", o1, 10, best=True), Originator(O3, N3, "e3", 0.1, 10, best=True)]
    if o4 is not None:
        found.append(Originator("02:00:00:00:00:04", N1, "e1", o4, 5, best=True))
    return tuple(found)


def dead(o1: float, *, o4: float | None = None) -> object:
    return mesh(neighbours=neighbours(e1=1.8, e3=0.05), originators=rows(o1, o4=o4))


def test_a_dead_link_whose_originator_is_unheard_everywhere_is_a_dead_node() -> None:
    found = FAULT.symptoms(view(snapshot(mesh=dead(1.7), echoes=(echo(),))))
    assert [s.subject for s in found] == [DEAD]  # the subject of the link-dead it explains
    assert "no OGM on any way for 1.70 s" in FAULT.sentence(found[0])
    assert "link-dead" in FAULT.explains


def test_an_originator_still_heard_on_another_way_is_a_dead_link_only() -> None:
    assert not FAULT.symptoms(view(snapshot(mesh=dead(0.4), echoes=(echo(),))))


def test_a_table_read_before_the_node_could_have_been_heard_again_is_no_evidence() -> None:
    early = mesh(neighbours=neighbours(e1=0.6, e3=0.05), originators=())
    assert not FAULT.symptoms(view(snapshot(mesh=early, echoes=(echo(),))))


def test_after_detaching_an_originator_gone_from_the_table_is_a_dead_node() -> None:
    gone = mesh(originators=(Originator(O3, N3, "e3", 0.1, 10, best=True),))
    seen = view(
        snapshot(mesh=without("e1", gone), echoes=(echo(unanswered_for=2.0),)), detached=frozenset({"e1"})
    )
    assert not FAULT.symptoms(seen)  # it is in the table again by the other way: a link only
    table = (Originator(O3, N3, "e3", 0.1, 10, best=True),)
    unheard = mesh(hardifs=without("e1").hardifs, neighbours=neighbours(e3=0.05), originators=table)
    seen = view(snapshot(mesh=unheard, echoes=(echo(unanswered_for=2.0),)), detached=frozenset({"e1"}))
    found = FAULT.symptoms(seen)
    assert [s.subject for s in found] == [DEAD]
    assert "no longer known" in found[0].evidence["originator"]


def test_a_node_heard_on_a_second_link_is_not_dead() -> None:
    second = "02:78:30:01:00:09"
    both = mesh(neighbours=(*neighbours(e1=1.8), Neighbour("e3", second, 0.05)), originators=rows(1.7))
    known = {f"e1/{N1}": O1, f"e3/{second}": O1}
    assert not FAULT.symptoms(view(snapshot(mesh=both, echoes=(echo(),)), last_neighbours=known))


def test_an_unknown_originator_is_not_guessed_but_taken_from_the_hello() -> None:
    snap = snapshot(mesh=dead(1.7), echoes=(echo(),), peers=())
    assert not FAULT.symptoms(view(snap, last_neighbours={}))
    told = snapshot(mesh=dead(1.7), echoes=(echo(),), peers=(peer(hello_age=2.0),))
    assert FAULT.symptoms(view(told, last_neighbours={}))


def test_nodes_that_went_silent_with_it_are_said_because_a_cut_looks_the_same() -> None:
    found = FAULT.symptoms(view(snapshot(mesh=dead(1.7, o4=1.9), echoes=(echo(),))))
    assert "1 more nodes are unheard too" in FAULT.sentence(found[0])


def test_it_is_treated_and_verified_like_the_dead_link() -> None:
    seen = view(snapshot(mesh=dead(1.7), echoes=(echo(),)))
    assert [r.action for r in FAULT.ladder(about("node-dead"), seen)] == ["detach-hardif", "hasten-ogms"]
    held = view(snapshot(mesh=without("e1"), echoes=(echo(),)), detached=frozenset({"e1"}))
    assert FAULT.state(about("node-dead", at=NOW - 9), held) is State.CONTAINED
    assert FAULT.state(about("node-dead", at=NOW - 9), view()) is State.GONE
    assert not FAULT.suspicions(seen)
