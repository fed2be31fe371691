# SPDX-License-Identifier: Apache-2.0
"""A neighbour that never answers an echo (no IPv6, ICMPv6 filtered): its silence is no evidence."""

from __future__ import annotations

import pytest

from agent.faults import answers
from agent.faults.base import State, View
from agent.faults.deadlink import MUTE_PATIENCE
from agent.faults.link_dead import FAULT as LINK_DEAD
from agent.faults.node_dead import FAULT as NODE_DEAD
from agent.faults.one_way import FAULT as ONE_WAY
from agent.readings import Echo, Originator, Peer, Radio, Report, Station
from tests.unit.faults.hand import (
    DEAD,
    N1,
    N3,
    NOW,
    O1,
    O3,
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

NEVER = echo(answered=0, unanswered=20, unanswered_for=1.0)
LONG = MUTE_PATIENCE * 3 * 0.5  # s: no agent, so batman-adv's default ELP interval


def silent(seconds: float, *peers: Peer, asked: object = NEVER) -> View:
    seen = mesh(neighbours=neighbours(e1=seconds, e3=0.05))
    return view(snapshot(mesh=seen, peers=peers, echoes=(asked,)))


@pytest.mark.parametrize(("seconds", "dead"), [(1.6, False), (LONG - 0.1, False), (LONG + 0.1, True)])
def test_it_is_dead_only_after_twice_the_silence(seconds: float, dead: bool) -> None:
    assert bool(LINK_DEAD.symptoms(silent(seconds))) is dead


def test_the_evidence_says_why_it_took_longer() -> None:
    (symptom,) = LINK_DEAD.symptoms(silent(LONG + 0.1))
    assert "never answered an echo" in symptom.evidence["echo"]
    assert "never answered an echo" in LINK_DEAD.sentence(symptom)


def test_its_link_is_never_taken_out_since_its_return_would_go_unnoticed() -> None:
    seen = silent(LONG + 0.1)
    (symptom,) = LINK_DEAD.symptoms(seen)
    assert [rung.action for rung in LINK_DEAD.ladder(diagnosis(symptom), seen)] == ["hasten-ogms"]


def test_nor_where_the_whole_node_is_dead() -> None:
    gone = (Originator(O1, N1, "e1", 9.0, 1, best=True), Originator(O3, N3, "e3", 0.1, 1, best=True))
    seen = mesh(neighbours=neighbours(e1=9.0, e3=0.05), originators=gone)
    dead = view(snapshot(mesh=seen, peers=(), echoes=(NEVER,)))
    (symptom,) = NODE_DEAD.symptoms(dead)
    assert [rung.action for rung in NODE_DEAD.ladder(diagnosis(symptom), dead)] == ["hasten-ogms"]


@pytest.mark.parametrize("asked", [echo(), echo(answered=0, ever_answered=True)], ids=["now", "earlier"])
def test_one_that_answered_once_is_judged_as_ever(asked: object) -> None:
    seen = silent(1.51, asked=asked)
    (symptom,) = LINK_DEAD.symptoms(seen)
    assert [r.action for r in LINK_DEAD.ladder(diagnosis(symptom), seen)] == ["detach-hardif", "hasten-ogms"]


def test_a_hello_in_its_name_proves_nothing_and_takes_no_link_out() -> None:
    seen = silent(1.0, peer(hello_age=0.1, elp_interval_ms=20))
    assert not answers.ever_answered(seen, "e1", N1)
    for symptom in LINK_DEAD.symptoms(seen):
        assert [rung.action for rung in LINK_DEAD.ladder(diagnosis(symptom), seen)] == ["hasten-ogms"]


@pytest.mark.parametrize(
    ("asked", "dead"),
    [((), False), ((echo(sent=2, answered=0, unanswered=2, unanswered_for=0.1),), False), ((NEVER,), True)],
    ids=["not asked yet", "hardly asked", "asked"],
)
def test_who_was_not_asked_yet_is_not_called_mute(asked: tuple[Echo, ...], dead: bool) -> None:
    """An agent that slept finds everybody silent: it asks first."""
    seen = mesh(neighbours=neighbours(e1=9.0, e3=9.0))
    assert bool(LINK_DEAD.symptoms(view(snapshot(mesh=seen, peers=(), echoes=asked)))) is dead


def test_it_is_never_one_way_whatever_is_reported() -> None:
    deaf = Report("n1", "link-dead", OURS["e1"], N1, 0.1)
    hears = Report("n1", "one-way", OURS["e1"], N1, 0.1)
    heard = view(snapshot(peers=(), reports=(deaf,), echoes=(NEVER,)))
    assert ONE_WAY.suspicions(heard)
    assert not ONE_WAY.symptoms(heard)
    unheard = mesh(neighbours=neighbours(e1=LONG + 0.1, e3=0.05))
    assert not ONE_WAY.symptoms(view(snapshot(mesh=unheard, peers=(), reports=(hears,), echoes=(NEVER,))))


def test_a_hello_is_no_answer_where_a_hello_is_the_hint() -> None:
    forged = peer(hears_us=False, hears_us_age=0.8)
    assert not ONE_WAY.symptoms(view(snapshot(peers=(forged,), echoes=(NEVER,))))
    once = echo(answered=0, unanswered=20, unanswered_for=1.0, ever_answered=True)
    assert ONE_WAY.symptoms(view(snapshot(peers=(forged,), echoes=(once,))))


def test_its_silence_keeps_no_healthy_link_in_treatment() -> None:
    heard_again = view(snapshot(peers=(), echoes=(NEVER,)))
    assert LINK_DEAD.state(about("link-dead", at=NOW - 5), heard_again) is State.GONE


def test_beside_others_on_a_detached_interface_it_is_no_symptom() -> None:
    held = view(
        snapshot(mesh=without("e1"), peers=(), echoes=(NEVER,)),
        detached=frozenset({"e1"}),
        episodes={DEAD: "link-dead"},
    )
    assert not LINK_DEAD.symptoms(held)


@pytest.mark.parametrize(("inactive", "dead"), [(0.9, False), (1.7, True)])
def test_on_a_radio_beacons_must_be_missing_for_twice_as_long_too(inactive: float, dead: bool) -> None:
    radio = Radio("e1", 11, OURS["e1"], "mesh", 2412, "x0", (Station(N1, inactive),))
    assert bool(LINK_DEAD.symptoms(view(snapshot(radios=(radio,), peers=(), echoes=(NEVER,))))) is dead
