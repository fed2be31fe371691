# SPDX-License-Identifier: Apache-2.0
"""Rules of what is told to neighbours and mesh."""

from collections.abc import Iterable, Mapping

import pytest

from agent import herald as h
from agent.events import Diagnosis, Outcome, Remedy, Result, Snapshot, Suspicion
from agent.herald import Herald
from agent.readings import Hardif, Link, Mesh, Neighbour, Peer

THEIRS, OURS = "02:78:30:02:00:01", "02:78:30:01:00:01"
SUBJECT = f"hardif/e2/{THEIRS}"
ELP_MS = 200
LATE = 1.5  # s: three intervals of a neighbour that does not tell its own (0.5 s is assumed)
DEAD = Suspicion("link-dead", SUBJECT, "no ELP for 3 intervals")


class Mouth:
    """Notes what is said."""

    def __init__(self) -> None:
        self.suspects: dict[str, set[str]] = {}
        self.intents: list[str] = []
        self.states: list[str] = []
        self.reports: list[tuple[str, str, str]] = []

    def announce(
        self,
        *,
        suspects: Mapping[str, Iterable[str]] | None = None,
        intents: Iterable[str] | None = None,
        health: str | None = None,
    ) -> None:
        if suspects is not None:
            self.suspects = {hardif: set(macs) for hardif, macs in suspects.items()}
        if intents is not None:
            self.intents = list(intents)
        if health is not None:
            self.states.append(health)

    def report(self, kind: str, subject_mac: str, about_mac: str) -> bool:
        self.reports.append((kind, subject_mac, about_mac))
        return True


class Scene:
    def __init__(self) -> None:
        self.mouth, self.now, self.treated = Mouth(), 100.0, set[str]()
        self.hastened: list[str] = []
        self.foreign: list[str] = []  # of these, on another's word alone
        self.herald = Herald(
            lambda: self.mouth, self._hasten, lambda: self.treated, lambda: self.now, lambda: 1.0
        )
        self.tick()

    def _hasten(self, why: str, *, foreign: bool = False) -> bool:
        self.hastened.append(why)
        if foreign:
            self.foreign.append(why)
        return True

    def tick(self, after: float = 0.0, *, elp_age: float | None = None, peer: Peer | None = None) -> None:
        """`elp_age`: of their ELP in seconds, None where they are not in the table."""
        self.now += after
        links = (Link("e2", 4, OURS, 1532, True, True),)
        mesh = Mesh(
            "bat0",
            9,
            OURS,
            "BATMAN_V",
            300,
            15,
            "off",
            False,
            False,
            hardifs=(Hardif("e2", 4, OURS, True, ELP_MS),),
            neighbours=() if elp_age is None else (Neighbour("e2", THEIRS, elp_age),),
            neighbours_at=self.now,
        )
        peers = (peer,) if peer else ()
        self.herald.tick(Snapshot(at=self.now, wall=0.0, links=links, mesh=mesh, peers=peers))

    def ticks(self, seconds: float, elp_age: float | None = None, peer: Peer | None = None) -> None:
        """So many seconds, one tick each half second."""
        for _ in range(round(seconds / 0.5)):
            self.tick(0.5, elp_age=elp_age, peer=peer)


def hello(hears_us: bool) -> Peer:
    return Peer("n2", "02:78:30:00:00:02", "e2", THEIRS, "fe80::2", 0.2, hears_us)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_dead_link_is_said_in_hello_and_report_and_hastens_ogms(scene: Scene) -> None:
    scene.herald.suspect(DEAD)
    assert scene.mouth.suspects == {"e2": {THEIRS}}
    assert scene.mouth.reports == [("link-dead", THEIRS, OURS)]
    assert scene.hastened == ["no ELP for 3 intervals"]
    assert scene.foreign == []


def test_one_way_says_that_we_hear_and_is_no_suspect(scene: Scene) -> None:
    scene.herald.suspect(Suspicion("one-way", SUBJECT, "n2 does not hear us"))
    assert scene.mouth.suspects == {}
    assert scene.mouth.reports == [("one-way", THEIRS, OURS)]


def one_way(number: int) -> Suspicion:
    return Suspicion("one-way", f"hardif/e2/02:00:00:00:01:{number:02x}", "n2 does not hear us")


def test_one_way_is_another_s_word_and_never_takes_the_haste_kept_for_what_we_see(scene: Scene) -> None:
    scene.herald.suspect(one_way(1))
    assert scene.foreign == scene.hastened == ["n2 does not hear us"]


def test_words_of_others_leave_room_and_reports_for_what_we_see(scene: Scene) -> None:
    for number in range(h.TOLD_MAX):
        scene.herald.suspect(one_way(number))
    assert len(scene.mouth.reports) == h.HINT_BURST
    for number in range(h.TOLD_MAX - h.HINTED_MAX):
        scene.herald.suspect(Suspicion("link-dead", f"hardif/e2/02:00:00:00:00:{number:02x}", "silent"))
    assert len(scene.mouth.suspects["e2"]) == h.TOLD_MAX - h.HINTED_MAX
    assert len(scene.mouth.reports) == h.HINT_BURST + h.TOLD_MAX - h.HINTED_MAX
    scene.now += 2 / h.HINT_RATE
    scene.tick()
    assert sum(kind == "one-way" for kind, *_ in scene.mouth.reports) == h.HINT_BURST + 2


def test_suspicion_without_a_sign_is_withdrawn(scene: Scene) -> None:
    scene.herald.suspect(DEAD)
    scene.tick(h.QUIET + 0.1)
    assert scene.mouth.suspects == {}


def test_what_is_under_treatment_is_reported_again_and_again(scene: Scene) -> None:
    scene.herald.suspect(DEAD)
    scene.treated = {SUBJECT}
    for _ in range(6):
        scene.tick(1.0)
    assert scene.mouth.suspects == {"e2": {THEIRS}}
    assert len(scene.mouth.reports) == 1 + 6 / h.SAY_AGAIN


def test_who_is_heard_again_is_no_longer_called_deaf_though_it_is_still_treated(scene: Scene) -> None:
    scene.herald.suspect(DEAD)
    scene.treated = {SUBJECT}
    scene.ticks(10, elp_age=LATE)
    assert scene.mouth.suspects == {"e2": {THEIRS}}
    scene.tick(0.5, elp_age=0.1)
    scene.ticks(h.QUIET, elp_age=LATE)
    assert scene.mouth.suspects == {"e2": {THEIRS}}, "heard once is not heard again"
    scene.ticks(h.QUIET + 1, elp_age=0.1)
    assert scene.mouth.suspects == {}
    said = len(scene.mouth.reports)
    scene.ticks(10, elp_age=0.1)
    assert len(scene.mouth.reports) == said


@pytest.mark.parametrize(("peer", "told"), [(hello(True), False), (hello(False), True), (None, True)])
def test_one_way_is_told_until_the_neighbour_says_that_it_hears_us(
    scene: Scene, peer: Peer | None, told: bool
) -> None:
    scene.herald.suspect(Suspicion("one-way", SUBJECT, "n2 does not hear us"))
    scene.treated = {SUBJECT}
    scene.ticks(h.QUIET + 1, elp_age=0.1, peer=peer)
    said = len(scene.mouth.reports)
    scene.ticks(3 * h.SAY_AGAIN, elp_age=0.1, peer=peer)
    assert (len(scene.mouth.reports) > said) == told


def test_service_faults_are_nobody_elses_business(scene: Scene) -> None:
    scene.herald.suspect(Suspicion("service-dead", "service/mosquitto", "no CONNACK"))
    assert (scene.mouth.reports, scene.hastened) == ([], [])


def test_dead_node_is_reported_by_its_originator(scene: Scene) -> None:
    scene.herald.suspect(Suspicion("node-dead", "node/02:78:30:00:00:03", "unheard"))
    assert scene.mouth.reports == [("node-dead", "02:78:30:00:00:03", OURS)]


def test_what_is_told_at_once_is_bounded(scene: Scene) -> None:
    for number in range(h.TOLD_MAX + 9):
        scene.herald.suspect(Suspicion("link-dead", f"hardif/e2/02:00:00:00:00:{number:02x}", "silent"))
    assert len(scene.mouth.suspects["e2"]) == h.TOLD_MAX


def test_intent_is_announced_before_and_withdrawn_after(scene: Scene) -> None:
    diagnosis = Diagnosis("d1", "link-dead", SUBJECT, 99.0, 100.0, {})
    scene.herald.intend(diagnosis, Remedy("detach-hardif", "hardif/e2", {}))
    assert scene.mouth.intents == ["detach-hardif hardif/e2"]
    scene.herald.settle(Outcome("d1", "link-dead", SUBJECT, "detach-hardif", Result.HEALED, "", 101.0, 2.0))
    assert scene.mouth.intents == []


def test_intent_of_a_withdrawn_act_is_no_longer_announced(scene: Scene) -> None:
    diagnosis = Diagnosis("d1", "link-dead", SUBJECT, 99.0, 100.0, {})
    scene.herald.intend(diagnosis, Remedy("detach-hardif", "hardif/e2", {}))
    scene.herald.withdraw("d1")
    assert scene.mouth.intents == []


def test_the_newest_intent_is_the_last(scene: Scene) -> None:
    for name, action in (("d1", "detach-hardif"), ("d2", "attach-hardif"), ("d1", "hasten-ogms")):
        diagnosis = Diagnosis(name, "link-dead", SUBJECT, 99.0, 100.0, {})
        scene.herald.intend(diagnosis, Remedy(action, "hardif/e2", {}))
    assert scene.mouth.intents == ["attach-hardif hardif/e2", "hasten-ogms hardif/e2"]


def test_intents_are_bounded(scene: Scene) -> None:
    for number in range(h.INTENTS_MAX + 3):
        diagnosis = Diagnosis(f"d{number}", "link-dead", SUBJECT, 99.0, 100.0, {})
        scene.herald.intend(diagnosis, Remedy("detach-hardif", f"hardif/e{number}", {}))
    assert len(scene.mouth.intents) == h.INTENTS_MAX


def test_health_goes_into_the_hello(scene: Scene) -> None:
    scene.herald.health("healing")
    assert scene.mouth.states == ["healing"]


def test_without_a_voice_nothing_fails() -> None:
    herald = Herald(lambda: None, lambda *_, **__: False, lambda: (), lambda: 1.0, lambda: 1.0)
    herald.suspect(DEAD)
    herald.health("healthy")
