# SPDX-License-Identifier: Apache-2.0
"""wifi-deaf: a radio that sends and hears nobody, told from neighbours that died and from a silent node."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.faults import mesh_lost_ap_ok
from agent.faults.base import State
from agent.faults.wifi_deaf import FAULT
from agent.mapek.analyse import Analyser
from agent.mapek.episodes import Rung
from agent.readings import Hardif, Neighbour, Originator, Report
from agent.remedies.radiocure import refusal
from tests.unit.faults.hand import N1, N3, NOW, O1, diagnosis, mesh, peer
from tests.unit.faults.radiohand import (
    OURS,
    RADIO,
    air,
    ap,
    deaf,
    earlier,
    radio,
    seen,
    station,
    unpeered,
    wlan,
)


def test_two_neighbours_silent_at_once_while_we_send_is_the_symptom() -> None:
    (found,) = FAULT.symptoms(seen(deaf()))
    assert (found.subject, found.onset) == (RADIO, NOW - 6.0)
    said = FAULT.sentence(found)
    assert "nothing heard on wlan0 for 6.0 s" in said
    assert "all 2 neighbours fell silent at once" in said
    assert "10 packets sent, none received" in said


def test_it_is_suspected_before_so_that_counters_are_read_often() -> None:
    assert [s.subject for s in FAULT.suspicions(seen(deaf(1.2)))] == [RADIO]
    assert not FAULT.symptoms(seen(deaf(1.2)))
    assert not FAULT.suspicions(seen())


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (seen(), "healthy"),
        (seen(deaf(4.9)), "a scan of all channels lasts as long"),
        (seen(deaf(peers=1)), "its one neighbour may be dead"),
        (seen(deaf(heard_age=None, peered_age=None, peers=0)), "never heard anybody"),
        (seen(deaf(freq_mhz=None)), "in no mesh"),
        (seen(deaf(kind="station")), "no mesh radio"),
        (seen(unpeered()), "stations are heard"),
        (seen(deaf(), ap(age=1.0)), "a client is heard on the same radio"),
        (seen(deaf(), hardifs_wanted=()), "not ours"),
        (seen(deaf(), links=None), "links unread"),
        (seen(deaf(), radios=None), "radios unread"),
        (seen(deaf(), links=(wlan(admin_up=False),)), "switched off"),
        (seen(deaf(), history=()), "no counters before"),
        (seen(deaf(), history=(earlier(rx=499),)), "something came in"),
        (seen(deaf(), history=(earlier(tx=900),)), "we sent nothing ourselves"),
        (seen(deaf(), history=(earlier(ago=1.0),)), "too short a look"),
        (seen(deaf(), history=(earlier(ago=7.0),)), "before it fell silent"),
    ],
)
def test_what_is_no_deaf_radio(view: Any, why: str) -> None:
    assert not FAULT.symptoms(view), why


def test_counters_that_were_read_before_it_fell_silent_do_not_hide_it() -> None:
    stale = earlier(rx=300, tx=700, ago=5.0)  # a calm node reads them every five seconds
    (found,) = FAULT.symptoms(seen(deaf(), history=(stale, earlier(ago=2.0))))
    assert "10 packets sent" in found.evidence["traffic"]


def test_an_access_point_that_hears_nobody_either_or_is_on_another_radio_does_not_speak_for_it() -> None:
    assert FAULT.symptoms(seen(deaf(), ap(age=20.0)))
    assert FAULT.symptoms(seen(deaf(), ap(age=1.0, phy=1)))
    assert FAULT.symptoms(seen(deaf(), ap(clients=0, age=None)))


def test_one_neighbour_alive_on_another_interface_is_witness_enough() -> None:
    wired = peer("e1", "02:78:30:01:00:09", originator=O1)
    (found,) = FAULT.symptoms(seen(deaf(peers=1), peers=(wired,)))
    assert found.evidence["witness"] == "n1 is heard on e1"
    stale = msgspec.structs.replace(wired, hello_age=30.0)
    assert not FAULT.symptoms(seen(deaf(peers=1), peers=(stale,)))
    here = msgspec.structs.replace(wired, hardif="wlan0")
    assert not FAULT.symptoms(seen(deaf(peers=1), peers=(here,)))


def test_its_originator_messages_by_another_interface_are_too() -> None:
    row = Originator(O1, "02:78:30:09:00:01", "e9", 0.2, 9000, best=True)
    meshed = air().mesh
    assert meshed is not None
    elsewhere = msgspec.structs.replace(meshed, originators=(row,))
    assert FAULT.symptoms(seen(deaf(peers=1), mesh=elsewhere))
    unread = msgspec.structs.replace(elsewhere, originators_at=NOW - 30)
    assert not FAULT.symptoms(seen(deaf(peers=1), mesh=unread))


def test_a_neighbour_that_says_it_hears_us_is_named() -> None:
    report = Report("n1", "one-way", OURS, N1, 0.5)
    (found,) = FAULT.symptoms(seen(deaf(), reports=(report,)))
    assert "n1 says that it hears us" in FAULT.sentence(found)


def test_where_cables_are_silent_too_it_is_the_node_rather() -> None:
    silent = mesh(
        hardifs=(Hardif("wlan0", 12, OURS, True, 500), Hardif("e9", 19, "02:78:30:02:00:09", True, 150)),
        neighbours=(Neighbour("wlan0", N1, 6.0), Neighbour("e9", N3, 6.0)),
    )
    assert not FAULT.symptoms(seen(deaf(), mesh=silent))


def test_the_steps_come_once_each_and_minutes_apart() -> None:
    view = seen(deaf())
    told = diagnosis(FAULT.symptoms(view)[0])
    rungs = FAULT.ladder(told, view)
    assert [rung.action for rung in rungs] == ["scan-radio", "rejoin-mesh", "restart-radio"]
    assert refusal(rungs[0], view) == ""
    waits = [refusal(rung, view) for rung in rungs[1:]]
    assert waits == ["the next try is due in 55 s", "the next try is due in 175 s"]
    later = msgspec.structs.replace(view, now=NOW + 180)
    assert [refusal(rung, later) for rung in rungs] == ["", "", ""]
    again = FAULT.ladder(told, msgspec.structs.replace(later, relapses={RADIO: 1}))
    assert [Rung.of(rung) for rung in again] == [Rung.of(rung) for rung in rungs], "or they are taken again"


def test_a_radio_that_goes_deaf_again_waits_longer_for_what_disturbs_more() -> None:
    view = seen(deaf(), relapses={RADIO: 2})
    rungs = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    assert refusal(rungs[0], view) == ""
    assert refusal(rungs[1], view) == "the next try is due in 235 s"


def test_however_often_its_links_came_and_went_it_does_not_wait_for_hours() -> None:
    view = seen(deaf(), relapses={RADIO: 40})
    rungs = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    assert refusal(rungs[2], view) == "the next try is due in 1435 s"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"hardifs_wanted": ()}, "no longer configured"),
        ({"radios": None}, "no radio of the mesh"),
        ({"links": (wlan(admin_up=False),)}, "switched off"),
    ],
)
def test_a_radio_is_left_alone(changes: dict[str, Any], why: str) -> None:
    view = seen(deaf())
    rung = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)[0]
    assert why in refusal(rung, seen(deaf(), **changes))


def test_it_is_gone_once_anybody_is_heard_or_the_radio_is_switched_off() -> None:
    told = diagnosis(FAULT.symptoms(seen(deaf()))[0])
    assert FAULT.state(told, seen(deaf())) is State.PRESENT
    assert FAULT.state(told, seen(radios=None)) is State.PRESENT
    assert FAULT.state(told, seen(radio(stations=(), heard_age=70.0))) is State.PRESENT
    assert FAULT.state(told, seen(radio(stations=(station(N1),)))) is State.GONE
    assert FAULT.state(told, seen(deaf(), links=(wlan(admin_up=False),))) is State.GONE
    assert FAULT.state(told, seen(deaf(), links=())) is State.GONE


def test_held_out_of_the_mesh_it_is_contained_between_the_steps() -> None:
    told = diagnosis(FAULT.symptoms(seen(deaf()))[0])
    other = mesh(hardifs=(Hardif("e9", 19, "02:78:30:02:00:09", True, 150),))
    ways = msgspec.structs.replace(other, originators=(Originator(O1, N3, "e9", 0.1, 9000, best=True),))
    held = seen(deaf(), mesh=ways, detached=frozenset({"wlan0"}))

    def state(after_onset: float) -> State:
        return FAULT.state(told, msgspec.structs.replace(held, now=told.onset + after_onset))

    assert [state(second) for second in (6, 24)] == [State.PRESENT] * 2
    assert [state(second) for second in (26, 59, 86, 179, 206)] == [State.CONTAINED] * 5
    assert [state(second) for second in (61, 84, 181, 204)] == [State.PRESENT] * 4
    alone = msgspec.structs.replace(held, snapshot=air(deaf(), mesh=other), now=told.onset + 59)
    assert FAULT.state(told, alone) is State.PRESENT, "no other way: nothing contains it"


def test_it_explains_the_dead_links_of_its_radio_and_gives_way_to_a_lost_mesh() -> None:
    assert {"link-dead", "node-dead", "one-way"} <= FAULT.explains
    analyser = Analyser((FAULT, mesh_lost_ap_ok.FAULT))
    view = seen(deaf(age=30.0), ap(age=29.9))
    causes = analyser.causes(analyser.symptoms(view), view)
    assert [cause.symptom.fault for cause in causes] == ["mesh-lost-ap-ok"]
