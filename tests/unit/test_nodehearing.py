# SPDX-License-Identifier: Apache-2.0
"""Rules of what neighbours' words and our own doubts set going at once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent import nodehearing as nh
from agent.events import Snapshot, Suspicion
from agent.faults.one_way import FAULT as ONE_WAY_FAULT
from agent.hello.service import Change
from agent.mesh.secondneighbour import SecondNeighbour
from agent.nodehearing import Hearing, radio_hardifs
from agent.readings import Echo, Hardif, Link, Mesh, Neighbour, Radio
from tests.unit.faults import hand

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ELP_MS = 150
ONE_WAY = Suspicion("one-way", f"hardif/e1/{A}", "n2 does not hear us", ("e1", A))
DEAD = Suspicion("link-dead", f"hardif/e1/{A}", "no ELP", ("e1", A))


def mesh(*, elp_age: float = 0.1) -> Mesh:
    """Wires e1 (to A, whose ELP is so old) and e2 (to B), one neighbour each."""
    own = "02:00:00:00:00:01"
    return Mesh(
        "bat0",
        7,
        own,
        "BATMAN_V",
        300,
        30,
        "off",
        bla=False,
        bonding=False,
        hardifs=(Hardif("e1", 2, own, True, ELP_MS), Hardif("e2", 3, own, True, ELP_MS)),
        neighbours=(Neighbour("e1", A, elp_age), Neighbour("e2", B, 0.1)),
    )


def echo(unanswered: int, unanswered_for: float, **rest: Any) -> Echo:
    return Echo("e1", A, 20, 20 - unanswered, unanswered_for, unanswered, **rest)


class Scene:
    """A node that has seen its mesh grow, so that no loss before its time is suspected."""

    def __init__(self, radios_read: bool = False) -> None:
        self.now, self.closed = 100.0, ""
        self.woken = 0
        self.hastened: list[tuple[str, bool]] = []
        self.given: list[str] = []
        second = SecondNeighbour(
            may_act=lambda: self.closed,
            clock=lambda: self.now,
            receive=lambda hardif, _: self.given.append(hardif),
        )
        self.hearing = Hearing(second, self._hasten, self._wake, lambda: self.now, radios_read=radios_read)
        bare = Mesh("bat0", 7, A, "BATMAN_V", 300, 30, "off", bla=False, bonding=False)
        self.hearing.tick(Snapshot(at=0.0, wall=0.0, mesh=bare, radios=()))

    def _hasten(self, why: str, *, foreign: bool = False) -> bool:
        self.hastened.append((why, foreign))
        return True

    def _wake(self) -> None:
        self.woken += 1

    def tick(self, *echoes: Echo, elp_age: float = 0.1, **rest: Any) -> None:
        self.hearing.tick(Snapshot(at=self.now, wall=0.0, mesh=mesh(elp_age=elp_age), echoes=echoes, **rest))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_neighbour_s_word_alone_gives_no_second_neighbour(scene: Scene) -> None:
    scene.hearing.suspect(ONE_WAY)
    for _ in range(60):
        scene.tick(echo(1, 0.03, streak=9))
        scene.now += 1.0
    assert (scene.given, scene.hastened) == ([], [])


def test_one_way_gives_it_once_our_own_echoes_are_missing(scene: Scene) -> None:
    scene.hearing.suspect(ONE_WAY)
    scene.tick(echo(2, 0.079))
    assert scene.given == []
    scene.tick(echo(2, 0.08))
    assert scene.given == ["e2"]
    assert scene.hastened == [(f"{A} on e1 does not answer", False)], "what we see ourselves is no hint"
    scene.tick(echo(4, 0.2))
    assert len(scene.hastened) == 1


@pytest.mark.parametrize(("later", "diagnosed"), [(0.2, False), (0.3, True)])
def test_the_second_neighbour_comes_an_ogm_and_more_before_one_way_is_diagnosed(
    later: float, diagnosed: bool
) -> None:
    deaf = hand.peer(hears_us=False, hears_us_age=1.0)
    silent = hand.echo(unanswered=9, unanswered_for=nh.DOUBT_SILENCE_S + later)
    seen = hand.view(hand.snapshot(peers=(deaf,), echoes=(silent,)))
    assert bool(ONE_WAY_FAULT.symptoms(seen)) is diagnosed


def test_who_never_answered_is_not_doubted_for_being_silent(scene: Scene) -> None:
    mute = Echo("e1", A, 9, 0, 0.5, 9)
    scene.tick(mute)
    assert (scene.given, scene.hastened) == ([], [])
    scene.tick(msgspec.structs.replace(mute, ever_answered=True))
    assert scene.given == ["e2"]


def test_a_slow_link_s_answer_is_still_on_its_way(scene: Scene) -> None:
    scene.tick(echo(4, 0.15, rtt_ms=100.0))
    assert scene.given == []
    scene.tick(echo(5, 0.2, rtt_ms=100.0))
    assert scene.given == ["e2"]


def test_a_silent_elp_gives_it_in_the_tick_that_suspects_it(scene: Scene) -> None:
    scene.hearing.suspect(DEAD)
    scene.tick(elp_age=0.31)
    assert scene.given == ["e2"]


def test_a_neighbour_that_lies_about_its_elp_interval_is_asked_before_it_is_doubted(scene: Scene) -> None:
    scene.hearing.suspect(DEAD)
    scene.tick(elp_age=0.29)
    assert scene.given == []


def test_who_is_held_out_of_the_mesh_and_does_not_answer_is_no_new_doubt(scene: Scene) -> None:
    scene.tick(Echo("e9", A, 99, 0, 60.0, 99))
    assert (scene.given, scene.hastened) == ([], [])


def test_a_doubt_during_a_pause_is_over_when_the_pause_is(scene: Scene) -> None:
    scene.closed = "paused"
    scene.hearing.suspect(DEAD)
    scene.tick(echo(9, 1.0), elp_age=1.0)
    scene.closed = ""
    scene.tick(echo(0, 0.0))
    assert scene.given == []


def test_a_radio_gets_none_nor_what_lies_on_it(scene: Scene) -> None:
    wifi = Radio("w1", 9, B, "mesh")
    sealed = (Link("e2", 3, B, 1500, True, True, "macsec", peer_index=9), Link("e1", 2, A, 1500, True, True))
    assert radio_hardifs(Snapshot(0.0, 0.0, radios=(wifi,), links=sealed)) == {"w1", "e2"}
    scene.tick(echo(5, 0.3), radios=(wifi,), links=sealed)
    assert scene.given == []


@pytest.mark.parametrize(
    ("said", "given"),
    [({}, []), ({"radios": ()}, ["e2"]), ({"errors": {"radios": "no nl80211"}}, ["e2"])],
    ids=["not read yet", "none", "unreadable"],
)
def test_nothing_is_given_before_radios_were_looked_for(said: dict[str, Any], given: list[str]) -> None:
    scene = Scene(radios_read=True)
    scene.tick(echo(5, 0.3), **said)
    assert scene.given == given


def report(number: int, word: str = "link-dead") -> Change:
    return Change("report", f"n{number}", mac=A, word=word)


def test_strangers_wake_the_sensors_ten_times_at_once_and_then_once_a_second(scene: Scene) -> None:
    for number in range(500):
        scene.hearing.heard(Change("new", f"x{number}", "e1", A))
    assert scene.woken == nh.WAKE_BURST
    for number in range(600):
        scene.now += 0.1
        scene.hearing.heard(report(number))
    assert scene.woken == pytest.approx(nh.WAKE_BURST + 60 * nh.WAKE_RATE, abs=1)


def test_a_report_that_is_repeated_wakes_nobody_and_hastens_once(scene: Scene) -> None:
    for _ in range(30):
        scene.hearing.heard(report(2))
        scene.now += 2.0
    assert scene.woken == 1
    assert scene.hastened == [("n2 reports link-dead", True)]
    scene.now += nh.REPEATED_S
    scene.hearing.heard(report(2))
    assert scene.woken == 2
