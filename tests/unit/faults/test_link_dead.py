# SPDX-License-Identifier: Apache-2.0
"""link-dead: when it is doubted, believed, treated, and over."""

from __future__ import annotations

import pytest

from agent.faults.base import State
from agent.faults.link_dead import FAULT
from agent.readings import Neighbour, Originator, Peer, Radio, Report, Station
from tests.unit.faults.hand import (
    DEAD,
    N1,
    N3,
    NOW,
    O1,
    OURS,
    about,
    diagnosis,
    echo,
    link,
    mesh,
    neighbours,
    peer,
    snapshot,
    view,
    without,
)

SILENT = mesh(neighbours=neighbours(e1=0.6, e3=0.05))


def radio(inactive: float | None) -> tuple[Radio, ...]:
    stations = () if inactive is None else (Station(N1, inactive),)
    return (Radio("e1", 11, OURS["e1"], "mesh", 2412, "x0", stations),)


def test_a_healthy_mesh_has_neither_suspicion_nor_symptom() -> None:
    healthy = view(snapshot(peers=(peer(),), echoes=(echo(unanswered_for=0.0, answered=20),)))
    assert not FAULT.suspicions(healthy)
    assert not FAULT.symptoms(healthy)


@pytest.mark.parametrize(("silent_for", "doubted"), [(0.29, False), (0.31, True)])
def test_two_elp_intervals_of_silence_are_a_suspicion_to_be_probed(silent_for: float, doubted: bool) -> None:
    found = FAULT.suspicions(view(snapshot(mesh=mesh(neighbours=neighbours(e1=silent_for, e3=0.05)))))
    assert [s.subject for s in found] == ([DEAD] if doubted else [])
    assert all(s.probe == ("e1", N1) for s in found)


@pytest.mark.parametrize(
    ("neighbour", "silent_for", "doubted"),
    [
        (None, 0.99, False),  # no agent: batman-adv's default of 500 ms, not our 150
        (None, 1.01, True),
        (peer(hello_age=11.0), 0.99, False),  # its agent is gone, its timers may be, too
        (peer(hello_age=9.0), 0.31, True),  # while a link is dead no hellos come either
        (peer(elp_interval_ms=1000), 1.99, False),
        (peer(elp_interval_ms=1000), 2.01, True),
        (peer(elp_interval_ms=100), 0.21, True),
    ],
)
def test_silence_is_judged_by_the_neighbour_s_interval_not_ours(
    neighbour: Peer | None, silent_for: float, doubted: bool
) -> None:
    seen = mesh(neighbours=neighbours(e1=silent_for, e3=0.05))
    found = FAULT.suspicions(view(snapshot(mesh=seen, peers=(neighbour,) if neighbour else ())))
    assert [s.subject for s in found] == ([DEAD] if doubted else [])


def test_a_neighbour_without_agent_is_dead_after_three_of_its_own_intervals() -> None:
    for silent_for, symptoms in ((1.49, 0), (1.51, 1)):
        silent = mesh(neighbours=neighbours(e1=silent_for, e3=0.45))
        seen = view(snapshot(mesh=silent, peers=(), echoes=(echo(),)))
        assert len(FAULT.symptoms(seen)) == symptoms


def test_time_since_the_dump_is_no_silence() -> None:
    stale = mesh(neighbours=neighbours(e1=0.2, e3=0.05), neighbours_at=NOW - 5)
    assert not FAULT.suspicions(view(snapshot(mesh=stale)))


@pytest.mark.parametrize(("inactive", "doubted"), [(0.45, False), (0.55, True), (None, True)])
def test_a_station_without_beacons_or_vanished_is_a_suspicion(inactive: float | None, doubted: bool) -> None:
    assert bool(FAULT.suspicions(view(snapshot(radios=radio(inactive))))) is doubted


def test_a_neighbour_that_says_it_does_not_hear_us_is_not_told_that_we_do_not_hear_it() -> None:
    said = Report("n1", "link-dead", OURS["e1"], N1, 0.1)
    assert not FAULT.suspicions(
        view(snapshot(peers=(peer(hears_us=False, hears_us_age=1.2),), reports=(said,)))
    )


def test_silence_and_unanswered_echoes_together_are_the_symptom() -> None:
    found = FAULT.symptoms(view(snapshot(mesh=SILENT, echoes=(echo(),))))
    assert [s.subject for s in found] == [DEAD]
    assert found[0].onset == pytest.approx(NOW - 0.6)
    assert "0.60 s (4.0 intervals of 150 ms)" in found[0].evidence["elp"]
    assert "(6 requests)" in found[0].evidence["echo"]


@pytest.mark.parametrize(
    "answering",
    [
        echo(unanswered_for=0.0, answered=20),
        echo(unanswered_for=0.05),
        echo(unanswered=2),  # of 20: what was answered before is no sign of silence
        echo(unanswered_for=0.3, rtt_ms=200.0),  # slow, not dead: late only after three round trips
        echo("e3", N3),
    ],
)
def test_silence_alone_is_no_symptom_while_the_kernel_may_still_answer(answering: object) -> None:
    assert not FAULT.symptoms(view(snapshot(mesh=SILENT, echoes=(answering,))))


def test_unanswered_echoes_alone_are_no_symptom_while_elp_comes() -> None:
    assert not FAULT.symptoms(view(snapshot(echoes=(echo(),))))


def test_on_a_radio_missing_beacons_stand_for_elp() -> None:
    found = FAULT.symptoms(view(snapshot(radios=radio(0.9), echoes=(echo(),))))
    assert [s.subject for s in found] == [DEAD]
    assert not FAULT.symptoms(view(snapshot(radios=radio(0.7), echoes=(echo(),))))


def test_without_carrier_no_echo_is_needed() -> None:
    found = FAULT.symptoms(view(snapshot(mesh=SILENT, links=(link("e1", carrier=False), link("e3")))))
    assert "no carrier" in found[0].evidence["carrier"]


@pytest.mark.parametrize("links", [(link("e3"),), (link("e1", admin_up=False), link("e3"))])
def test_a_vanished_or_switched_off_interface_is_another_matter(links: object) -> None:
    seen = view(snapshot(mesh=SILENT, links=links, echoes=(echo(),)))
    assert not FAULT.symptoms(seen)
    assert not FAULT.suspicions(seen)


def test_the_sentence_names_link_node_and_figures() -> None:
    symptom = FAULT.symptoms(view(snapshot(mesh=SILENT, echoes=(echo(),), peers=(peer(hello_age=1.0),))))[0]
    said = FAULT.sentence(symptom)
    assert said.startswith("The link e1 to n1 is dead: no ELP for 0.60 s")
    assert "no echo answered for 0.20 s" in said


def test_detaching_comes_first_and_haste_second() -> None:
    seen = view(snapshot(mesh=SILENT, echoes=(echo(),)))
    rungs = FAULT.ladder(diagnosis(FAULT.symptoms(seen)[0]), seen)
    assert [r.action for r in rungs] == ["detach-hardif", "hasten-ogms"]
    assert rungs[0].args == {"mesh": "bat0", "hardif": "e1", "neighbour": N1}


def test_when_everything_falls_silent_at_once_nothing_is_detached_and_it_is_said() -> None:
    seen = view(snapshot(mesh=mesh(neighbours=neighbours(e1=0.6, e3=0.55)), echoes=(echo(), echo("e3", N3))))
    found = FAULT.symptoms(seen)
    assert len(found) == 2
    assert "suspect this node itself" in FAULT.sentence(found[0])
    assert not FAULT.ladder(diagnosis(found[0]), seen)


DETACHED = snapshot(mesh=without("e1"), echoes=(echo(),))
HELD = {"detached": frozenset({"e1"}), "episodes": {DEAD: "link-dead"}}


def test_a_detached_link_is_asked_on_and_stays_a_symptom_while_it_does_not_answer() -> None:
    seen = view(DETACHED, **HELD)
    assert [s.probe for s in FAULT.suspicions(seen)] == [("e1", N1)]
    assert [s.subject for s in FAULT.symptoms(seen)] == [DEAD]


def test_an_episode_keeps_a_detached_link_asked_even_where_no_echo_is_under_way() -> None:
    assert FAULT.suspicions(view(snapshot(mesh=without("e1")), **HELD))


def test_detached_with_best_ways_elsewhere_is_contained() -> None:
    assert FAULT.state(about("link-dead"), view(DETACHED, **HELD)) is State.CONTAINED


def test_detached_without_another_way_is_present() -> None:
    nowhere = snapshot(mesh=mesh(hardifs=mesh().hardifs[:1], neighbours=(), originators=()), echoes=(echo(),))
    assert FAULT.state(about("link-dead"), view(nowhere, **HELD)) is State.PRESENT


def answering(streak_age: float) -> object:
    return echo(unanswered_for=0.0, answered=30, streak=20, streak_age=streak_age, answer_age=0.02)


@pytest.mark.parametrize(
    ("streak_age", "relapses", "state"),
    [
        (1.9, 0, State.CONTAINED),
        (2.1, 0, State.GONE),
        (3.9, 1, State.CONTAINED),
        (4.1, 1, State.GONE),
        (127.0, 50, State.CONTAINED),
        (129.0, 50, State.GONE),
    ],
)
def test_a_detached_link_is_gone_after_echoes_for_a_time_that_doubles_with_relapses(
    streak_age: float, relapses: int, state: State
) -> None:
    seen = view(
        snapshot(mesh=without("e1"), echoes=(answering(streak_age),)), relapses={DEAD: relapses}, **HELD
    )
    assert FAULT.state(about("link-dead", at=NOW - 200), seen) is state


def test_a_detached_link_that_answers_is_needed_at_once_where_no_other_way_is_left() -> None:
    alone = without("e1", mesh(neighbours=neighbours(e3=0.5)))
    held = view(snapshot(mesh=alone, echoes=(answering(0.3),)), relapses={DEAD: 9}, **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 1), held) is State.NEEDED
    long = view(
        snapshot(mesh=alone, echoes=(answering(90.0),)), **HELD
    )  # even where the loop's limits would hold it
    assert FAULT.state(about("link-dead", at=NOW - 100), long) is State.NEEDED
    silent = view(snapshot(mesh=alone, echoes=(echo(),)), **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 1), silent) is not State.NEEDED
    late = without("e1", mesh(neighbours=neighbours(e3=0.25)))  # one ELP late is no reason
    assert FAULT.state(
        about("link-dead", at=NOW - 1), view(snapshot(mesh=late, echoes=(answering(0.3),)), **HELD)
    ) is (State.CONTAINED)


def test_it_is_needed_too_where_only_the_node_behind_it_is_out_of_reach() -> None:
    beyond = (
        Originator(O1, N3, "e3", 1.6, 9, best=True),
        Originator("02:00:00:00:00:03", N3, "e3", 0.1, 9, best=True),
    )
    seen = mesh(hardifs=without("e1").hardifs, neighbours=neighbours(e3=0.05), originators=beyond)
    held = view(snapshot(mesh=seen, echoes=(answering(0.3),)), **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 1), held) is State.NEEDED


def test_answers_from_before_the_diagnosis_do_not_count() -> None:
    seen = view(snapshot(mesh=without("e1"), echoes=(answering(500.0),), peers=(peer(),)), **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 1), seen) is State.CONTAINED


def test_hellos_that_list_us_prove_the_link_too_whoever_sends_them() -> None:
    other = peer(mac="02:78:30:09:00:02", hello_streak=4)
    seen = view(snapshot(mesh=without("e1"), peers=(other,)), **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 10), seen) is State.GONE
    deaf = view(snapshot(mesh=without("e1"), peers=(peer(hello_streak=4, hears_us=False),)), **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 10), deaf) is State.CONTAINED


def test_never_detached_it_is_gone_when_elp_is_heard_again() -> None:
    assert FAULT.state(about("link-dead", at=NOW - 5), view()) is State.GONE
    assert FAULT.state(about("link-dead"), view(snapshot(mesh=SILENT, echoes=(echo(),)))) is State.PRESENT


def test_never_detached_it_is_contained_when_no_best_way_uses_it() -> None:
    moved = mesh(
        neighbours=neighbours(e1=0.6, e3=0.05),
        originators=(Originator(O1, N1, "e1", 0.6, 10), Originator(O1, N3, "e3", 0.1, 9, best=True)),
    )
    seen = view(snapshot(mesh=moved, echoes=(echo(),)))
    assert FAULT.state(about("link-dead", at=NOW - 1), seen) is State.CONTAINED
    assert FAULT.state(about("link-dead", at=NOW + 1), seen) is State.PRESENT  # the dump is older than that


def test_a_radio_is_not_gone_while_beacons_are_missing() -> None:
    seen = view(snapshot(radios=radio(0.9), echoes=(echo(),)))
    assert FAULT.state(about("link-dead", at=NOW - 1), seen) is State.PRESENT


def test_a_forgotten_neighbour_or_a_vanished_interface_is_gone() -> None:
    forgotten = view(snapshot(mesh=mesh(neighbours=neighbours(e3=0.05))))
    assert FAULT.state(about("link-dead", at=NOW - 1), forgotten) is State.GONE
    vanished = view(snapshot(links=(link("e3"),), mesh=without("e1")), **HELD)
    assert FAULT.state(about("link-dead", at=NOW - 1), vanished) is State.GONE


def test_another_neighbour_on_the_same_interface_is_a_subject_of_its_own() -> None:
    both = (*neighbours(e1=0.6, e3=0.05), Neighbour("e1", N3, 0.05))
    found = FAULT.symptoms(view(snapshot(mesh=mesh(neighbours=both), echoes=(echo(),))))
    assert [s.subject for s in found] == [DEAD]
