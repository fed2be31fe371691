# SPDX-License-Identifier: Apache-2.0
"""Rules of what neighbours' words and our own echoes set going at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agent import nodehearing as nh
from agent.events import Snapshot
from agent.hello.service import Change
from agent.mesh.secondneighbour import SecondNeighbour
from agent.nodehearing import Hearing, radio_hardifs
from agent.readings import Echo, Hardif, Link, Mesh, Neighbour, Radio

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
OURS = "02:00:00:00:00:e1"  # of e1
ELP_MS = 150
WIRES = ["e1", "e2"]
LINKS = (Link("e1", 2, OURS, 1532, True, True, "veth", master=7),)


def mesh() -> Mesh:
    """Wires e1 (to A) and e2 (to B), one neighbour each."""
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
        neighbours=(Neighbour("e1", A, 0.1), Neighbour("e2", B, 0.1)),
        unmeasured=("e1", "e2"),
    )


def echo(unanswered: int, unanswered_for: float, **rest: Any) -> Echo:
    return Echo("e1", A, 20, 20 - unanswered, unanswered_for, unanswered, **rest)


class Scene:
    """A node, and what it did."""

    def __init__(
        self,
        radios_read: bool = False,
        radios: frozenset[str] = frozenset(),
        takes: Callable[[str], bool] = lambda _word: True,
    ) -> None:
        self.now, self.closed = 100.0, ""
        self.woken = 0
        self.hastened: list[tuple[str, bool]] = []
        self.given: list[str] = []
        self.probed: list[tuple[str, str]] = []
        second = SecondNeighbour(
            may_act=lambda: self.closed,
            clock=lambda: self.now,
            receive=lambda hardif, _: self.given.append(hardif),
        )
        self.hearing = Hearing(
            second,
            self._hasten,
            self._wake,
            lambda hardif, mac: self.probed.append((hardif, mac)),
            lambda: self.now,
            radios_read=radios_read,
            radios=radios,
            takes=takes,
        )

    def _hasten(self, why: str, *, foreign: bool = False) -> bool:
        self.hastened.append((why, foreign))
        return True

    def _wake(self) -> None:
        self.woken += 1

    def tick(self, *echoes: Echo, **rest: Any) -> None:
        seen: dict[str, Any] = {"mesh": mesh(), "links": LINKS, "echoes": echoes} | rest
        self.hearing.tick(Snapshot(at=self.now, wall=0.0, **seen))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_echoes_that_stay_unanswered_hasten_once_as_what_we_see_ourselves(scene: Scene) -> None:
    scene.tick(echo(2, 0.079))
    assert scene.hastened == []
    for unanswered in (2, 4):
        scene.tick(echo(unanswered, unanswered / 25))
    assert scene.hastened == [(f"{A} on e1 does not answer", False)]


def test_who_never_answered_is_not_doubted_for_being_silent(scene: Scene) -> None:
    mute = Echo("e1", A, 9, 0, 0.5, 9)
    scene.tick(mute)
    assert scene.hastened == []
    scene.tick(msgspec.structs.replace(mute, ever_answered=True))
    assert len(scene.hastened) == 1


def test_a_slow_link_s_answer_is_still_on_its_way(scene: Scene) -> None:
    scene.tick(echo(4, 0.15, rtt_ms=100.0))
    assert scene.hastened == []
    scene.tick(echo(5, 0.2, rtt_ms=100.0))
    assert len(scene.hastened) == 1


def test_who_is_held_out_of_the_mesh_and_does_not_answer_is_no_new_doubt(scene: Scene) -> None:
    scene.tick(Echo("e9", A, 99, 9, 60.0, 90))
    assert scene.hastened == []


def test_a_radio_of_the_configuration_is_one_also_where_radios_cannot_be_read() -> None:
    scene = Scene(radios_read=True, radios=frozenset({"e2"}))
    scene.tick(errors={"radios": "no nl80211"})
    assert scene.given == ["e1"]


def test_wires_have_their_second_neighbour_before_anything_happens(scene: Scene) -> None:
    scene.tick()
    assert scene.given == ["e1", "e2"]


def test_a_radio_gets_none_nor_what_lies_on_it(scene: Scene) -> None:
    wifi = Radio("w1", 9, B, "mesh")
    sealed = (Link("e2", 3, B, 1500, True, True, "macsec", peer_index=9), Link("e1", 2, A, 1500, True, True))
    assert radio_hardifs(Snapshot(0.0, 0.0, radios=(wifi,), links=sealed)) == {"w1", "e2"}
    scene.tick(radios=(wifi,), links=sealed)
    assert scene.given == ["e1"]


@pytest.mark.parametrize(
    ("said", "given"),
    [({}, []), ({"radios": ()}, WIRES), ({"errors": {"radios": "no nl80211"}}, WIRES)],
    ids=["not read yet", "none", "unreadable"],
)
def test_nothing_is_given_before_radios_were_looked_for(said: dict[str, Any], given: list[str]) -> None:
    scene = Scene(radios_read=True)
    scene.tick(**said)
    assert scene.given == given


def report(number: int, word: str = "link-dead") -> Change:
    """About our end of e1."""
    return Change("report", f"n{number}", mac=OURS, word=word)


def test_strangers_wake_the_sensors_ten_times_at_once_and_then_once_a_second(scene: Scene) -> None:
    scene.tick()
    for number in range(500):
        scene.hearing.heard(Change("new", f"x{number}", "e1", A))
    assert scene.woken == nh.WAKE_BURST
    for number in range(600):
        scene.now += 0.1
        scene.hearing.heard(report(number))
    assert scene.woken == pytest.approx(nh.WAKE_BURST + 60 * nh.WAKE_RATE, abs=1)


def test_what_is_said_of_others_links_hastens_and_wakes_nobody(scene: Scene) -> None:
    scene.tick()
    scene.hearing.heard(Change("report", "n2", mac=B, word="link-dead", about=A))
    assert scene.hastened == [("n2 reports link-dead", True)]
    assert scene.woken == 0


def test_a_report_that_is_repeated_wakes_once_and_hastens_once(scene: Scene) -> None:
    scene.tick()
    for _ in range(30):
        scene.hearing.heard(report(2))
        scene.now += 2.0
    assert scene.woken == 1
    assert scene.hastened == [("n2 reports link-dead", True)]
    scene.now += nh.REPEATED_S
    scene.hearing.heard(report(2))
    assert scene.woken == 2


def test_a_neighbour_that_says_it_is_deaf_to_us_is_asked_at_once(scene: Scene) -> None:
    scene.tick()
    scene.hearing.heard(Change("report", "a", mac=OURS, word="link-dead", about=A))
    scene.hearing.heard(Change("suspects-us", "b", "e2", B))
    assert scene.probed == [("e1", A), ("e2", B)]


@pytest.mark.parametrize(
    "change",
    [
        Change("report", "a", mac=OURS, word="one-way", about=A),
        Change("report", "a", mac=B, word="link-dead", about=A),
        Change("report", "a", mac=OURS, word="link-dead", about="02:00:00:00:00:99"),
        Change("new", "a", "e1", A),
        Change("suspects-us", "x", "e1", B),
    ],
    ids=["it hears us", "about another", "a stranger", "a newcomer", "a neighbour of another interface"],
)
def test_nobody_else_is_asked_for_it(scene: Scene, change: Change) -> None:
    scene.tick()
    scene.hearing.heard(change)
    assert scene.probed == []


def test_a_flood_of_such_words_does_not_ask_more_than_the_wakes_allow(scene: Scene) -> None:
    scene.tick()
    for number in range(100):
        scene.now += nh.REPEATED_S + 0.001 if number == 0 else 0.001
        scene.hearing.heard(Change("report", f"n{number}", mac=OURS, word="link-dead", about=A))
    assert len(scene.probed) <= nh.WAKE_BURST + 1
