# SPDX-License-Identifier: Apache-2.0
"""one-way where the interface has other neighbours: this one is left out, asked on, and let in again."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.faults.base import State, View
from agent.faults.one_way import FAULT
from agent.readings import Mesh, Originator
from tests.unit.faults.hand import N1, N3, O1, O3, about, echo, peer
from tests.unit.faults.radiohand import air, radio, seen, station

LINK = f"hardif/wlan0/{N1}"
TOLD = about("one-way", LINK)
MUTED = frozenset({f"wlan0/{N1}"})


def ways(*rows: Originator) -> Mesh:
    meshed = air().mesh
    assert meshed is not None
    return msgspec.structs.replace(
        meshed, originators=(*rows, Originator(O3, N3, "wlan0", 0.1, 9, best=True))
    )


ROUND = ways(Originator(O1, N3, "wlan0", 0.2, 5, best=True))
STILL = ways(Originator(O1, N1, "wlan0", 0.2, 5, best=True))
ANSWERING = echo("wlan0", N1, answered=40, unanswered=0, unanswered_for=0.0, answer_age=0.1, streak=20)


def later(seconds: float, mesh: Mesh = ROUND, **changes: object) -> View:
    now = TOLD.at + seconds
    meshed = msgspec.structs.replace(mesh, originators_at=now, neighbours_at=now)
    silent = echo("wlan0", N1, unanswered=90, unanswered_for=seconds)
    read: dict[str, Any] = {"echoes": (silent,), "peers": ()} | {
        key: changes.pop(key) for key in ("echoes", "peers", "links", "radios") if key in changes
    }
    base = seen(mesh=meshed, now=now, **read)
    return msgspec.structs.replace(base, **{"muted": MUTED} | changes)


def test_the_neighbour_is_left_out_where_the_interface_cannot_be() -> None:
    rungs = FAULT.ladder(TOLD, seen(echoes=(echo("wlan0", N1),)))
    assert [rung.action for rung in rungs] == ["detach-hardif", "mute-neighbour", "hasten-ogms"]
    assert rungs[1].args == {"hardif": "wlan0", "neighbour": N1}


def test_one_that_never_answered_is_not_left_out_since_its_return_would_go_unnoticed() -> None:
    assert [rung.action for rung in FAULT.ladder(TOLD, seen())] == ["hasten-ogms"]


def test_who_is_left_out_is_asked_on_also_when_batman_adv_has_forgotten_it() -> None:
    forgotten = msgspec.structs.replace(ROUND, neighbours=())
    (doubt,) = FAULT.suspicions(later(300.0, forgotten))
    assert (doubt.subject, doubt.probe) == (LINK, ("wlan0", N1))
    assert not FAULT.suspicions(later(300.0, forgotten, muted=frozenset()))


def test_it_is_contained_once_no_way_leads_through_it() -> None:
    assert FAULT.state(TOLD, later(3.0, STILL)) is State.PRESENT
    assert FAULT.state(TOLD, later(3.0)) is State.CONTAINED
    deaf = peer("wlan0", N1, hello_age=0.2, hears_us=False, hears_us_age=900.0)
    assert FAULT.state(TOLD, later(900.0, peers=(deaf,))) is State.CONTAINED


GONE_AIR = radio(stations=(station(N3),))


def test_it_is_gone_with_its_node_once_nothing_came_of_it_for_as_long_as_batman_adv_remembers_one() -> None:
    last = peer("wlan0", N1, hello_age=201.0)
    for peers in ((), (last,)):
        assert FAULT.state(TOLD, later(201.0, radios=(GONE_AIR,), peers=peers)) is State.GONE
        assert FAULT.state(TOLD, later(199.0, radios=(GONE_AIR,), peers=peers)) is State.CONTAINED


def test_while_its_radio_is_heard_it_is_there_though_its_agent_is_silent() -> None:
    """Let in again it would be used again, and no agent would say that it does not hear us."""
    assert FAULT.state(TOLD, later(900.0)) is State.CONTAINED
    quiet = radio(stations=(station(N1, 201.0), station(N3)))
    assert FAULT.state(TOLD, later(900.0, radios=(quiet,))) is State.GONE


def test_it_is_gone_with_its_interface() -> None:
    assert FAULT.state(TOLD, later(3.0, links=())) is State.GONE
    assert FAULT.state(TOLD, later(3.0, links=None)) is State.CONTAINED


def test_it_is_gone_when_this_neighbour_answers_for_long_enough() -> None:
    soon = msgspec.structs.replace(ANSWERING, streak_age=1.0)
    well = msgspec.structs.replace(ANSWERING, streak_age=2.5)
    assert FAULT.state(TOLD, later(30.0, echoes=(soon,))) is State.CONTAINED
    assert FAULT.state(TOLD, later(30.0, echoes=(well,))) is State.GONE
    assert FAULT.state(TOLD, later(30.0, echoes=(well,), relapses={LINK: 3})) is State.CONTAINED


def test_its_hellos_that_list_us_count_and_those_of_others_do_not() -> None:
    listing = peer("wlan0", N1, hello_age=0.2)
    assert FAULT.state(TOLD, later(60.0, peers=(listing,))) is State.GONE
    other = peer("wlan0", N3, node="n3", originator=O3, hello_age=0.2)
    assert FAULT.state(TOLD, later(60.0, peers=(other,))) is State.CONTAINED


def test_it_is_let_in_at_once_where_it_answers_and_nothing_else_leads_there_any_more() -> None:
    soon = msgspec.structs.replace(ANSWERING, streak_age=0.5)
    assert FAULT.state(TOLD, later(15.0, ways(), echoes=(soon,))) is State.NEEDED
    stale = ways(Originator(O1, N3, "wlan0", 2.0, 5, best=True))  # batman-adv keeps a lost way for 200 s
    assert FAULT.state(TOLD, later(15.0, stale, echoes=(soon,))) is State.NEEDED
    assert FAULT.state(TOLD, later(15.0, echoes=(soon,))) is State.CONTAINED
    assert FAULT.state(TOLD, later(15.0, ways())) is not State.NEEDED, "it does not answer"


def test_not_left_out_it_is_judged_as_before() -> None:
    whole = later(5.0, STILL, echoes=(ANSWERING,), muted=frozenset())
    assert FAULT.state(TOLD, whole) is State.GONE
