# SPDX-License-Identifier: Apache-2.0
"""mesh-lost-ap-ok: a radio that receives and has lost every mesh peer."""

from __future__ import annotations

from typing import Any

import pytest

from agent.faults.base import State
from agent.faults.mesh_lost_ap_ok import FAULT
from tests.unit.faults.hand import N1, NOW, O1, diagnosis, peer
from tests.unit.faults.radiohand import RADIO, ap, deaf, radio, seen, station, unpeered, wlan


def test_stations_heard_and_none_a_peer_is_the_symptom() -> None:
    (found,) = FAULT.symptoms(seen(unpeered()))
    assert (found.subject, found.onset) == (RADIO, NOW - 6.0)
    said = FAULT.sentence(found)
    assert "no mesh peer on wlan0 for 6.0 s, 2 before" in said
    assert f"heard, but not peered with: {N1} (listen)" in said


def test_clients_at_the_access_point_while_all_peers_fell_silent_is_too() -> None:
    (found,) = FAULT.symptoms(seen(deaf(), ap(clients=3, age=1.4)))
    said = FAULT.sentence(found)
    assert "3 clients at ap0, heard 1 s ago" in said
    assert "all 2 neighbours fell silent at once" in said


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (seen(), "healthy"),
        (seen(unpeered(4.0)), "a peering takes a moment"),
        (seen(radio(peered_age=None, peers=0, stations=(station(N1, plink="listen"),))), "never had a peer"),
        (seen(deaf()), "nobody is heard: a deaf radio"),
        (seen(deaf(), ap(age=20.0)), "the clients fell silent before"),
        (seen(deaf(), ap(clients=0, age=1.0)), "the client left"),
        (seen(deaf(), ap(age=1.0, phy=None)), "not known to be on the same radio"),
        (seen(deaf(peers=1), ap(age=1.0)), "the one neighbour may be dead"),
        (seen(unpeered(), radios=None), "radios unread"),
        (seen(unpeered(), links=None), "links unread"),
        (seen(unpeered(), links=(wlan(admin_up=False),)), "switched off"),
        (seen(radio(freq_mhz=None, peered_age=30.0)), "in no mesh: the keeper's work"),
    ],
)
def test_what_is_no_lost_mesh(view: Any, why: str) -> None:
    assert not FAULT.symptoms(view), why


def test_one_neighbour_alive_elsewhere_is_witness_enough_beside_an_access_point() -> None:
    wired = peer("e1", "02:78:30:01:00:09", originator=O1)
    (found,) = FAULT.symptoms(seen(deaf(peers=1), ap(age=1.0), peers=(wired,)))
    assert found.evidence["witness"] == "n1 is heard on e1"


def test_it_is_suspected_where_stations_are_heard() -> None:
    assert [s.subject for s in FAULT.suspicions(seen(unpeered(1.2)))] == [RADIO]
    assert not FAULT.suspicions(seen())


def test_what_cuts_clients_off_comes_last() -> None:
    view = seen(unpeered())
    rungs = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    assert [rung.action for rung in rungs] == ["scan-radio", "rejoin-mesh", "restart-radio"]


def test_it_is_gone_with_the_first_peer() -> None:
    told = diagnosis(FAULT.symptoms(seen(unpeered()))[0])
    assert FAULT.state(told, seen(unpeered())) is State.PRESENT
    assert FAULT.state(told, seen(radios=None)) is State.PRESENT
    assert FAULT.state(told, seen(radio(stations=(station(N1),)))) is State.GONE
    assert FAULT.state(told, seen(unpeered(), links=(wlan(admin_up=False),))) is State.GONE
