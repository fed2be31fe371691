# SPDX-License-Identifier: Apache-2.0
"""one-way: the hearing end by a checked hint, the deaf end by the other's report."""

from __future__ import annotations

import pytest

from agent.faults.base import State, View
from agent.faults.link_dead import FAULT as DEAD_LINK
from agent.faults.one_way import FAULT
from agent.readings import Echo, Report
from tests.unit.faults.hand import (
    DEAD,
    N1,
    NOW,
    OURS,
    about,
    diagnosis,
    echo,
    mesh,
    neighbours,
    peer,
    snapshot,
    view,
    without,
)
from tests.unit.faults.radiohand import radio

DEAF_PEER = peer(hears_us=False, hears_us_age=0.8)
SILENCE = echo(unanswered_for=0.35, unanswered=8)


def test_heard_but_not_hearing_us_and_no_echo_answered_is_one_way() -> None:
    found = FAULT.symptoms(view(snapshot(peers=(DEAF_PEER,), echoes=(SILENCE,))))
    assert [s.subject for s in found] == [DEAD]
    said = FAULT.sentence(found[0])
    assert said.startswith("The link e1 to n1 works in one direction only")
    assert "has not heard us for 0.8 s" in said
    assert "last 8 echoes are unanswered for 0.35 s" in said


def test_a_report_over_the_mesh_is_as_good_a_hint_as_the_hello() -> None:
    said = Report("n1", "link-dead", OURS["e1"], N1, 0.2)
    seen = view(snapshot(reports=(said,), echoes=(SILENCE,)))
    assert FAULT.suspicions(seen)
    assert FAULT.symptoms(seen)


def test_the_hint_alone_is_only_a_suspicion_to_be_probed() -> None:
    seen = view(snapshot(peers=(DEAF_PEER,)))
    assert [s.probe for s in FAULT.suspicions(seen)] == [("e1", N1)]
    assert not FAULT.symptoms(seen)
    answered = view(snapshot(peers=(DEAF_PEER,), echoes=(echo(unanswered_for=0.0, answered=5),)))
    assert not FAULT.symptoms(answered)


def test_a_neighbour_we_hear_that_says_it_no_longer_hears_us_is_a_suspicion() -> None:
    (found,) = FAULT.suspicions(view(snapshot(peers=(DEAF_PEER,))))
    assert found.subject == DEAD
    assert "hello of n1: has not heard us for 0.8 s" in found.why
    assert not FAULT.suspicions(view(snapshot(mesh=SILENT, peers=(DEAF_PEER,))))


def test_a_stale_hello_or_one_that_never_heard_us_is_no_suspicion() -> None:
    for said in (
        peer(hears_us=False, hears_us_age=1.2, hello_age=3.0),
        peer(hears_us=False, hears_us_age=None),
    ):
        assert not FAULT.suspicions(view(snapshot(peers=(said,))))


def test_a_report_that_we_are_heard_is_no_hint_that_we_are_not() -> None:
    def told(kind: str, hardif: str) -> View:
        return view(snapshot(reports=(Report("n1", kind, OURS[hardif], N1, 0.1),), echoes=(SILENCE,)))

    assert FAULT.symptoms(told("link-dead", "e1"))
    for no_hint in (told("one-way", "e1"), told("node-dead", "e1"), told("link-dead", "e3")):
        assert not FAULT.suspicions(no_hint)
        assert not FAULT.symptoms(no_hint)


@pytest.mark.parametrize(
    "asked", [echo(unanswered_for=0.29, unanswered=8), echo(unanswered_for=0.4, unanswered=4)]
)
def test_a_hint_anybody_may_forge_is_believed_after_more_silence_than_a_dead_link(asked: Echo) -> None:
    assert not FAULT.symptoms(view(snapshot(peers=(DEAF_PEER,), echoes=(asked,))))
    assert DEAD_LINK.symptoms(view(snapshot(mesh=SILENT, echoes=(asked,))))


def test_unanswered_echoes_without_the_hint_are_not_one_way() -> None:
    assert not FAULT.symptoms(view(snapshot(peers=(peer(),), echoes=(SILENCE,))))


@pytest.mark.parametrize(("back", "suspected"), [(NOW - 1.0, False), (NOW - 3.0, False), (NOW - 9.0, True)])
def test_talk_about_the_time_before_a_link_was_given_back_is_no_hint(back: float, suspected: bool) -> None:
    given_back = {"e1": back}
    heard = view(snapshot(peers=(DEAF_PEER,), echoes=(SILENCE,)), given_back=given_back)
    told = view(
        snapshot(reports=(Report("n1", "link-dead", OURS["e1"], N1, 1.0),), echoes=(SILENCE,)),
        given_back=given_back,
    )
    other = view(snapshot(peers=(DEAF_PEER,), echoes=(SILENCE,)), given_back={"e3": back})
    for seen in (heard, told):
        assert bool(FAULT.suspicions(seen)) is suspected
        assert bool(FAULT.symptoms(seen)) is suspected
    assert FAULT.suspicions(other)


SILENT = mesh(neighbours=neighbours(e1=0.6, e3=0.05))


def test_the_deaf_end_learns_it_by_a_report_that_we_are_heard() -> None:
    report = Report("n1", "one-way", OURS["e1"], N1, 0.3)
    found = FAULT.symptoms(view(snapshot(mesh=SILENT, echoes=(SILENCE,), reports=(report,))))
    assert [s.subject for s in found] == [DEAD]
    assert "n1 hears us" in found[0].evidence["hint"]
    assert "link-dead" in FAULT.explains


@pytest.mark.parametrize(
    "report",
    [
        Report("n1", "one-way", OURS["e3"], N1, 0.3),
        Report("n1", "one-way", OURS["e1"], "02:78:30:09:00:02", 0.3),
        Report("n1", "one-way", OURS["e1"], N1, 9.0),
        Report("n1", "node-dead", OURS["e1"], N1, 0.3),
    ],
)
def test_a_report_about_another_link_or_time_does_not_make_a_dead_link_one_way(report: Report) -> None:
    assert not FAULT.symptoms(view(snapshot(mesh=SILENT, echoes=(SILENCE,), reports=(report,))))


def test_both_ends_detach() -> None:
    seen = view(snapshot(peers=(DEAF_PEER,), echoes=(SILENCE,)))
    assert FAULT.ladder(diagnosis(FAULT.symptoms(seen)[0]), seen)[0].action == "detach-hardif"


def test_never_detached_it_is_gone_only_when_our_frames_arrive_too() -> None:
    one_way = view(snapshot(peers=(DEAF_PEER,), echoes=(SILENCE,)))
    assert FAULT.state(about("one-way"), one_way) is State.PRESENT
    hint_left = view(snapshot(peers=(DEAF_PEER,), echoes=(echo(unanswered_for=0.0, answered=9),)))
    assert FAULT.state(about("one-way"), hint_left) is State.PRESENT
    assert FAULT.state(about("one-way"), view(snapshot(peers=(peer(),)))) is State.GONE


def test_detached_it_is_held_while_hellos_come_but_do_not_list_us() -> None:
    seen = view(
        snapshot(mesh=without("e1"), peers=(DEAF_PEER,), echoes=(SILENCE,)), detached=frozenset({"e1"})
    )
    assert FAULT.state(about("one-way", at=NOW - 60), seen) is State.CONTAINED


@pytest.mark.parametrize(("streak", "believed"), [(1, False), (4, False), (5, True), (0, True)])
def test_of_a_radio_s_neighbour_that_has_just_come_back_it_is_not_believed_yet(
    streak: int, believed: bool
) -> None:
    """A radio's peering begins at one end. Without hellos in a row there is only the report to go by."""
    back = peer(hears_us=False, hears_us_age=0.8, hello_streak=streak)
    told = snapshot(peers=(back,), echoes=(SILENCE,), radios=(radio(name="e1"),))
    assert bool(FAULT.symptoms(view(told))) is believed


@pytest.mark.parametrize("streak", [1, 4, 5])
def test_of_a_wire_s_neighbour_it_is_believed_at_once(streak: int) -> None:
    back = peer(hears_us=False, hears_us_age=0.8, hello_streak=streak)
    assert FAULT.symptoms(view(snapshot(peers=(back,), echoes=(SILENCE,))))
