# SPDX-License-Identifier: Apache-2.0
"""Rules of the status document: what the technician is told."""

import json
from typing import Any

import msgspec
import pytest

from agent import status, statusmesh
from agent.events import Decision, Diagnosis, Outcome, Remedy, Result, Snapshot, Verdict
from agent.hostreadings import Host
from agent.readings import Hardif, Mesh, Neighbour, Originator, Peer, Radio, Service, Station

MAC = "02:78:30:02:00:01"
LOOP = status.Loop(now=1000.0, wall=5_000_000.0, node="n1", mode="heal", started=900.0, healthy_once=True)
MESH = Mesh(
    name="bat0", index=3, mac="02:78:30:00:00:01", algo="BATMAN_V", ogm_interval_ms=300, hop_penalty=30,
    gw_mode="off", bla=False, bonding=False, hardifs=(Hardif("e2", 4, MAC, True),),
    neighbours=(Neighbour("e2", MAC, 0.1, 100_000),), neighbours_at=999.5,
    originators=tuple(Originator("02:78:30:00:00:02", MAC, hardif, 0.1) for hardif in ("e2", "e3")),
)  # fmt: skip
SNAPSHOT = Snapshot(at=999.5, wall=4_999_999.5, mesh=MESH)
DIAGNOSIS = Diagnosis(
    id="d1", fault="link-dead", subject=f"hardif/e2/{MAC}", onset=990.0, at=990.4,
    evidence={"ELP silent for": "0.5 s"}, sentence="The link e2 to n2 is dead.",
)  # fmt: skip


def _episode(verdict: Verdict | None = None, result: Result | None = None, **more: Any) -> status.Episode:
    remedy = Remedy("detach-hardif", "hardif/e2", {})
    more.setdefault("needs_person", verdict in (Verdict.NOTHING, Verdict.OBSERVE))
    return status.Episode(
        DIAGNOSIS,
        title="Link dead",
        by_hand="Check the cable.",
        decision=Decision("d1", verdict, remedy, "It takes e2 out of the mesh.", 990.5) if verdict else None,
        outcome=Outcome(
            "d1", "link-dead", "hardif/e2", "detach-hardif", result, "Traffic goes on.", 991.0, 1.0
        )
        if result
        else None,
        **more,
    )


def _loop(**changes: Any) -> status.Loop:
    return msgspec.structs.replace(LOOP, **changes)


@pytest.mark.parametrize(
    ("loop", "snapshot", "state"),
    [
        (LOOP, None, "starting"),
        (_loop(healthy_once=False), SNAPSHOT, "starting"),
        (LOOP, SNAPSHOT, "healthy"),
        (_loop(paused_until=5_000_060.0), SNAPSHOT, "paused"),
        (_loop(paused_until=4_999_999.0), SNAPSHOT, "healthy"),
        (_loop(episodes=(_episode(),)), SNAPSHOT, "healing"),
        (_loop(episodes=(_episode(Verdict.ACT),)), SNAPSHOT, "healing"),
        (_loop(episodes=(_episode(Verdict.WAIT),)), SNAPSHOT, "healing"),
        (_loop(episodes=(_episode(Verdict.NOTHING),)), SNAPSHOT, "broken"),
        (_loop(episodes=(_episode(Verdict.OBSERVE),)), SNAPSHOT, "broken"),
        (_loop(episodes=(_episode(Verdict.ACT, needs_person=True),)), SNAPSHOT, "broken"),
        (_loop(episodes=(_episode(Verdict.NOTHING, Result.FAILED, open=False),)), SNAPSHOT, "healthy"),
    ],
)
def test_state_is_one_word_for_the_node(loop: status.Loop, snapshot: Snapshot | None, state: str) -> None:
    assert status.build(loop, snapshot)["state"] == state


def test_document_is_plain_json() -> None:
    loop = _loop(episodes=(_episode(Verdict.ACT, Result.CONTAINED),))
    document = status.build(loop, msgspec.structs.replace(SNAPSHOT, host=Host(load1=0.5)))
    assert json.loads(json.dumps(document)) == document


def test_verdict_says_what_is_wrong_what_is_done_and_what_to_do() -> None:
    verdict = status.build(_loop(episodes=(_episode(Verdict.ACT),)), SNAPSHOT)["verdict"]
    assert verdict["sentence"] == "The link e2 to n2 is dead."
    assert verdict["doing"] == "It takes e2 out of the mesh."
    assert verdict["you"] == "Nothing yet. If it stays: Check the cable."


def test_contained_fault_still_asks_for_its_cause_to_be_mended() -> None:
    episode = _episode(Verdict.ACT, Result.CONTAINED, phase="contained")
    document = status.build(_loop(episodes=(episode,)), SNAPSHOT)
    assert document["faults"][0]["state"] == "contained"
    assert document["verdict"]["doing"] == "Traffic goes on."
    you = document["verdict"]["you"]
    assert you == "Traffic goes another way; the cause is still there. Check the cable."


def test_contained_fault_of_the_machine_says_nothing_of_traffic() -> None:
    heat = msgspec.structs.replace(DIAGNOSIS, fault="thermal", subject="host/heat")
    episode = msgspec.structs.replace(
        _episode(Verdict.ACT, Result.CONTAINED, phase="contained"), diagnosis=heat
    )
    verdict = status.build(_loop(episodes=(episode,)), SNAPSHOT)["verdict"]
    assert verdict["you"] == "The node has done its part; the cause is still there. Check the cable."


@pytest.mark.parametrize(
    ("phase", "verdict", "state"),
    [
        ("deciding", Verdict.WAIT, "waiting"),
        ("deciding", Verdict.NOTHING, "unhealed"),
        ("deciding", Verdict.OBSERVE, "observed"),
        ("acting", Verdict.ACT, "healing"),
        ("verifying", Verdict.ACT, "healing"),
        ("undoing", Verdict.ACT, "healing"),
    ],
)
def test_a_fault_that_shows_again_is_not_called_contained_any_more(
    phase: str, verdict: Verdict, state: str
) -> None:
    episode = _episode(verdict, Result.CONTAINED, phase=phase)
    document = status.build(_loop(episodes=(episode,)), SNAPSHOT)
    assert document["faults"][0]["state"] == state
    assert "raffic" not in document["verdict"]["you"] + document["verdict"]["doing"]


def test_an_ended_fault_says_what_it_came_to() -> None:
    episode = _episode(Verdict.NOTHING, Result.FAILED, phase="closed", open=False)
    row = status.build(_loop(episodes=(episode,)), SNAPSHOT)["faults"][0]
    assert (row["state"], row["needs_person"]) == ("failed", False)


def test_mesh_that_nobody_wants_is_not_missed() -> None:
    snapshot = Snapshot(at=999.5, wall=1.0, errors={"mesh": "no such interface"})
    assert status.build(_loop(mesh_wanted=False), snapshot)["errors"] == {}
    assert status.build(LOOP, snapshot)["errors"] == {"mesh": "no such interface"}


def test_a_person_is_asked_where_no_remedy_is_left() -> None:
    verdict = status.build(_loop(episodes=(_episode(Verdict.NOTHING),)), SNAPSHOT)["verdict"]
    assert verdict["you"] == "Check the cable."


def test_fault_that_needs_a_person_comes_before_newer_ones() -> None:
    other = status.Episode(msgspec.structs.replace(DIAGNOSIS, id="d2", at=999.0, sentence="Another."))
    verdict = status.build(_loop(episodes=(_episode(Verdict.NOTHING), other)), SNAPSHOT)["verdict"]
    assert verdict["sentence"] == "The link e2 to n2 is dead. 1 further fault below."


def test_observe_mode_says_that_it_never_acts() -> None:
    assert "never acts" in status.build(_loop(mode="observe"), SNAPSHOT)["verdict"]["doing"]


def test_unreadable_sources_are_not_called_fine() -> None:
    snapshot = msgspec.structs.replace(SNAPSHOT, errors={"mesh": "module missing"})
    document = status.build(_loop(errors={"web": "port in use"}), snapshot)
    assert "2 sources cannot be read" in document["verdict"]["sentence"]
    assert document["errors"] == {"mesh": "module missing", "web": "port in use"}


def test_neighbour_has_its_name_its_signal_and_its_true_age() -> None:
    snapshot = msgspec.structs.replace(
        SNAPSHOT,
        peers=(Peer("n2", "02:78:30:00:00:02", "e2", MAC, "fe80::1", 0.2, True),),
        radios=(Radio("e2", 4, MAC, "mesh", stations=(Station(MAC, 0.1, signal_dbm=-61),)),),
    )
    row = status.build(LOOP, snapshot)["neighbours"][0]
    assert (row["node"], row["signal_dbm"], row["last_seen_ms"]) == ("n2", -61, 600)


def test_ways_to_one_node_count_once() -> None:
    assert status.build(LOOP, SNAPSHOT)["mesh"]["nodes"] == 1


def test_open_faults_come_first_and_the_list_is_bounded() -> None:
    ended = [
        status.Episode(msgspec.structs.replace(DIAGNOSIS, id=f"e{n}", at=float(n)), open=False)
        for n in range(50)
    ]
    faults = status.build(_loop(episodes=(_episode(Verdict.ACT), *ended)), SNAPSHOT)["faults"]
    assert len(faults) == status.FAULTS_MAX
    assert [row["id"] for row in faults[:3]] == ["d1", "e49", "e48"]


def test_strangers_cannot_blow_the_document_up() -> None:
    peers = tuple(Peer("x" * 10_000, MAC, "e2", MAC, "", 0.1, None) for _ in range(3))
    neighbours = tuple(Neighbour("e2", MAC, 0.1) for _ in range(5000))
    mesh = msgspec.structs.replace(MESH, neighbours=neighbours)
    document = status.build(LOOP, msgspec.structs.replace(SNAPSHOT, mesh=mesh, peers=peers))
    assert len(document["neighbours"]) == statusmesh.ROWS_MAX
    assert len(document["neighbours"][0]["node"]) == statusmesh.TEXT_MAX


def test_control_characters_are_taken_out() -> None:
    assert "\x1b" not in status.build(_loop(node="a\x1b[2J"), None)["node"]


def test_services_are_listed() -> None:
    snapshot = msgspec.structs.replace(
        SNAPSHOT, services=(Service("mosquitto", "hung", detail="no CONNACK"),)
    )
    assert status.build(LOOP, snapshot)["services"] == [
        {"name": "mosquitto", "state": "hung", "detail": "no CONNACK"}
    ]


def test_fault_says_when_it_goes_on_and_what_is_put_back() -> None:
    episode = _episode(Verdict.ACT, phase="verifying", check_by=1007.5, held=("detach-hardif",))
    row = status.build(_loop(episodes=(episode,)), SNAPSHOT)["faults"][0]
    assert (row["phase"], row["check_in"], row["next_try_in"]) == ("verifying", 7.5, None)
    assert row["held"] == ["detach-hardif"]


def test_verdict_says_when_the_node_tries_next() -> None:
    document = status.build(_loop(episodes=(_episode(Verdict.WAIT, next_try=1008.0),)), SNAPSHOT)
    assert document["verdict"]["doing"].endswith("The next try is in 8 s.")
    assert document["verdict"]["fault"] == "d1"
    past = status.build(_loop(episodes=(_episode(Verdict.WAIT, next_try=990.0),)), SNAPSHOT)
    assert "next try" not in past["verdict"]["doing"]
    assert past["faults"][0]["next_try_in"] == 0.0


def test_what_is_awaited_where_it_hangs_and_how_long_it_is_paused_are_told() -> None:
    awaited = {"what": "setup", "sentence": "no link"}
    loop = _loop(awaited=awaited, location="mill roof", paused_until=5_000_090.0)
    document = status.build(loop, SNAPSHOT)
    assert document["awaited"] == {**awaited, "place": ""}
    assert (document["location"], document["paused_for"]) == ("mill roof", 90.0)


def test_starting_node_names_the_link_it_waits_for_as_people_do() -> None:
    link = f"hardif/e2/{MAC}"
    awaited = {
        "what": "fault", "sentence": f"link-dead on {link}", "fault": "link-dead", "title": "Link dead",
        "subject": link,
    }  # fmt: skip
    peers = (Peer("n2", "02:78:30:00:00:02", "e2", MAC, "fe80::1", 0.2, True),)
    snapshot = msgspec.structs.replace(SNAPSHOT, peers=peers)
    document = status.build(_loop(healthy_once=False, awaited=awaited), snapshot)
    assert document["verdict"]["doing"].endswith("Not well yet: Link dead (e2, n2).")
    assert document["awaited"]["place"] == "e2, n2"


def test_ways_lead_over_neighbours_and_are_called_by_their_names() -> None:
    far, peer = "02:78:30:00:00:09", Peer("n2", "02:78:30:00:00:02", "e2", MAC, "fe80::1", 0.2, True)
    rows = (
        *MESH.originators,
        Originator(far, MAC, "e2", 0.1, 5, False),
        Originator(far, MAC, "e2", 0.1, 9, True),
    )
    mesh = msgspec.structs.replace(MESH, originators=rows)
    document = status.build(LOOP, msgspec.structs.replace(SNAPSHOT, mesh=mesh, peers=(peer,)))
    near, behind = document["mesh"]["ways"]
    assert (near["node"], near["hops"], near["via"]) == ("n2", 1, "02:78:30:00:00:02")
    assert (behind["mac"], behind["hops"], behind["via"], behind["throughput_kbit"]) == (
        far,
        2,
        near["mac"],
        9,
    )


def test_neighbour_that_told_nothing_is_a_way_of_its_own() -> None:
    ways = status.build(LOOP, SNAPSHOT)["mesh"]["ways"]
    assert [(way["mac"], way["hops"]) for way in ways] == [(MAC, 1), ("02:78:30:00:00:02", 2)]


def test_ways_are_bounded_and_neighbours_come_first() -> None:
    rows = tuple(Originator(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", MAC, "e2", 0.1, n) for n in range(500))
    document = status.build(
        LOOP, msgspec.structs.replace(SNAPSHOT, mesh=msgspec.structs.replace(MESH, originators=rows))
    )
    ways = document["mesh"]["ways"]
    assert len(ways) == statusmesh.WAYS_MAX
    assert ways[0]["mac"] == MAC


def test_stations_are_those_of_mesh_radios_and_none_where_radios_cannot_be_read() -> None:
    stations = (Station(MAC, 0.1, signal_dbm=-61), Station("02:00:00:00:00:07", 4.0))
    radios = (
        Radio("wlan0", 4, MAC, "mesh", stations=stations),
        Radio("wlan1", 5, MAC, "ap", stations=(Station("02:00:00:00:00:08", 0.1, signal_dbm=-40),)),
    )
    document = status.build(LOOP, msgspec.structs.replace(SNAPSHOT, radios=radios))
    assert [(row["mac"], row["signal_dbm"]) for row in document["radios"]] == [
        (MAC, -61),
        ("02:00:00:00:00:07", None),
    ]
    assert status.build(LOOP, SNAPSHOT)["radios"] is None
