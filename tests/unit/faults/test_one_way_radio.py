# SPDX-License-Identifier: Apache-2.0
"""one-way on a radio with several neighbours: the peering with the one is ended, and tried again later."""

from __future__ import annotations

import msgspec
import pytest

from agent.faults import reroute
from agent.faults.base import State, View
from agent.faults.one_way import FAULT, TRIAL_S
from agent.readings import Mesh, Originator
from tests.unit.faults.hand import N1, N3, NOW, O1, O3, about, echo, view
from tests.unit.faults.radiohand import air, radio, seen, station

LINK = f"hardif/wlan0/{N1}"
TOLD = about("one-way", LINK)
BLOCKED = radio(stations=(station(N1, plink="blocked"), station(N3)))


def ways(*rows: Originator) -> Mesh:
    meshed = air().mesh
    assert meshed is not None
    return msgspec.structs.replace(
        meshed, originators=(*rows, Originator(O3, N3, "wlan0", 0.1, 9, best=True))
    )


ROUND = ways(Originator(O1, N3, "wlan0", 0.2, 5, best=True))
STILL = ways(Originator(O1, N1, "wlan0", 0.2, 5, best=True))


def later(seconds: float, mesh: Mesh = ROUND, **changes: object) -> View:
    now = TOLD.at + seconds
    meshed = msgspec.structs.replace(mesh, originators_at=now, neighbours_at=now)
    return msgspec.structs.replace(seen(BLOCKED, mesh=meshed, now=now), **changes)


def test_the_peering_is_ended_where_the_interface_cannot_be_taken_out() -> None:
    rungs = FAULT.ladder(TOLD, seen(echoes=(echo("wlan0", N1),)))
    assert [rung.action for rung in rungs] == ["detach-hardif", "block-peer", "hasten-ogms"]
    assert rungs[1].args == {"hardif": "wlan0", "neighbour": N1}


def test_also_where_it_never_answered_an_echo_it_comes_before_haste() -> None:
    assert [rung.action for rung in FAULT.ladder(TOLD, seen())] == ["block-peer", "hasten-ogms"]


def test_on_a_wire_nothing_changes() -> None:
    told = about("one-way")
    assert FAULT.ladder(told, view()) == reroute.ladder(told, view())


def test_it_is_contained_once_no_way_leads_through_it() -> None:
    assert FAULT.state(TOLD, later(3.0, STILL)) is State.PRESENT
    assert FAULT.state(TOLD, later(3.0)) is State.CONTAINED
    assert FAULT.state(TOLD, later(TRIAL_S - 1)) is State.CONTAINED


@pytest.mark.parametrize(
    ("relapses", "trial"), [(0, TRIAL_S), (1, 2 * TRIAL_S), (3, 480.0), (4, 600.0), (20, 600.0)]
)
def test_it_is_tried_again_later_each_time(relapses: int, trial: float) -> None:
    known = {LINK: relapses}
    assert FAULT.state(TOLD, later(trial - 1, relapses=known)) is State.CONTAINED
    assert FAULT.state(TOLD, later(trial, relapses=known)) is State.GONE


def test_it_is_opened_at_once_where_nothing_else_leads_to_the_node_any_more() -> None:
    lost = ways(Originator(O1, N3, "wlan0", 2.0, 5, best=True))
    assert FAULT.state(TOLD, later(15.0, lost)) is State.NEEDED
    assert FAULT.state(TOLD, later(15.0, ways())) is State.NEEDED
    assert FAULT.state(TOLD, later(3.0, ways())) is not State.NEEDED, "ways are just moving"


def test_an_unread_table_is_no_evidence() -> None:
    unread = seen(BLOCKED, mesh=None, now=NOW + 3)
    assert FAULT.state(TOLD, unread) is State.PRESENT
