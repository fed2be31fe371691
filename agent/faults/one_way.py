# SPDX-License-Identifier: Apache-2.0
"""one-way: one end of a link hears the other, but not the reverse.

batman-adv alone never leaves such a link (faults.md: 55 s of loss); both ends must act.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import answers, reroute
from agent.faults import liveness as lv
from agent.faults.base import Fault, State, View
from agent.faults.deadlink import dead_links

# A neighbour heard for less long has just come (back): a radio's peering begins at one end and takes seconds.
NEW_S = 5.0
MUTE_DEADLINE_S = 10.0  # five OGM intervals of the default second, and as much again on a busy node


class OneWay:
    """A link that works in one direction only.

    The hearing end: ELP of the neighbour comes, but its hello or report says it does not hear us, and our own
    echo requests stay unanswered (our check of that hint; there is none where it never answered any). The
    deaf end: the link is dead to us, but a report over the mesh says the neighbour hears us. Both ends take
    the link out until an answered echo proves both directions.
    """

    id: ClassVar[str] = "one-way"
    title: ClassVar[str] = "Link works in one direction only"
    by_hand: ClassVar[str] = (
        "Look at both ends: a half-broken cable or plug, unequal transmit power, a loose antenna."
    )
    explains: ClassVar[frozenset[str]] = frozenset({"link-dead"})

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """Neighbours we hear that say they do not hear us, and those we left out: we go on asking them."""
        doubted = tuple(
            reroute.suspicion(self.id, hardif, mac, why)
            for hardif in lv.attached(view)
            for mac in lv.neighbours(view, hardif)
            if lv.heard(view, hardif, mac) and (why := lv.says_deaf(view, hardif, mac))
        )
        muted = (key.split("/", 1) for key in sorted(view.muted))
        why = "left out of the mesh until it answers"
        return (*doubted, *(reroute.suspicion(self.id, hardif, mac, why) for hardif, mac in muted))

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return (*self._hearing(view), *self._deaf(view))

    def _hearing(self, view: View) -> Iterator[Symptom]:
        for hardif in lv.attached(view):
            link = lv.link_of(view, hardif)
            if link is not None and link.admin_up and link.carrier:
                for mac in lv.neighbours(view, hardif):
                    symptom = self._heard_only(view, hardif, mac)
                    if symptom is not None:
                        yield symptom

    def _heard_only(self, view: View, hardif: str, mac: str) -> Symptom | None:
        echo = answers.echo_of(view, hardif, mac)
        if echo is None or not answers.echo_silent_alone(view, hardif, mac):
            return None  # first, as it costs least: it is asked of every link at every reading
        quiet, why = lv.silence(view, hardif, mac), lv.says_deaf(view, hardif, mac)
        peer = lv.peer_of(view, hardif, mac)
        if quiet is None or not lv.heard(view, hardif, mac) or not why:
            return None
        radio, _ = lv.station(view, hardif, mac)
        heard_s = peer.hello_streak * lv.hello_s(peer, view.thresholds.hello_interval_s) if peer else 0.0
        if radio and 0 < heard_s < NEW_S:
            return None
        evidence = {
            "elp": f"its ELP came {quiet:.2f} s ago",
            "hint": why,
            "echo": f"our last {echo.unanswered} echoes are unanswered for {echo.unanswered_for:.2f} s",
        }
        if peer is not None:
            evidence["neighbour"] = f"{peer.node}, last hello {peer.hello_age:.1f} s ago"
        return Symptom(self.id, Subject.hardif(hardif, mac), view.now - echo.unanswered_for, evidence)

    def _deaf(self, view: View) -> Iterator[Symptom]:
        for dead in dead_links(view):
            report = lv.report_on(view, dead.hardif, dead.mac, ("one-way",))
            if report is not None and answers.ever_answered(view, dead.hardif, dead.mac):
                evidence = dead.evidence | {
                    "hint": f"{report.node} hears us on this link, as it reported {report.age:.1f} s ago",
                    "neighbour": f"{report.node}, report over the mesh",
                }
                yield Symptom(self.id, Subject.hardif(dead.hardif, dead.mac), dead.onset, evidence)

    def sentence(self, symptom: Symptom) -> str:
        hardif, _ = reroute.split(symptom.subject)
        seen = symptom.evidence
        figures = "; ".join(seen[key] for key in ("elp", "station", "echo", "hint") if key in seen)
        who = reroute.name(symptom.subject, seen)
        return f"The link {hardif} to {who} works in one direction only: {figures}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """As a dead link's; where the interface serves others too, this one neighbour alone is left out."""
        rungs = reroute.ladder(diagnosis, view)
        if len(rungs) < len(("detach", "hasten")):
            return rungs  # outside the mesh its return would go unnoticed
        hardif, mac = reroute.split(diagnosis.subject)
        args = {"hardif": hardif, "neighbour": mac}
        mute = Remedy("mute-neighbour", diagnosis.subject, args, deadline=MUTE_DEADLINE_S)
        return (*rungs[:-1], mute, rungs[-1])

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        hardif, mac = reroute.split(diagnosis.subject)
        if f"{hardif}/{mac}" not in view.muted:
            return reroute.state(diagnosis, view)
        if view.snapshot.links is not None and lv.link_of(view, hardif) is None:
            return State.GONE  # and what left it out went with it
        if _left(view, hardif, mac):
            return State.GONE
        if answers.answers_now(view, hardif, mac) and _cut_off(view, hardif, mac):
            return State.NEEDED
        wait = lv.reattach_wait(view, diagnosis.subject)
        if answers.answers_itself(view, hardif, mac, diagnosis.at, wait):
            return State.GONE
        return State.PRESENT if lv.best_via(view, hardif, mac) else State.CONTAINED


def _cut_off(view: View, hardif: str, mac: str) -> bool:
    """Is the node behind a neighbour we left out unheard on every other way?"""
    mesh, wait = view.snapshot.mesh, view.thresholds.originator_silence_s
    if mesh is None or view.now - mesh.originators_at > wait:
        return False
    heard = lv.heard_as_originator(mesh, lv.originator_of(view, hardif, mac))
    return heard is None or heard >= wait


def _left(view: View, hardif: str, mac: str) -> bool:
    """Did a neighbour we left out go (it was exchanged, say)? batman-adv does not hear it, so we must tell.

    Nothing came of it for as long as batman-adv remembers one: no hello, no answer, nothing by radio.
    """
    echo, peer = answers.echo_of(view, hardif, mac), lv.peer_of(view, hardif, mac)
    _, station = lv.station(view, hardif, mac)
    last = (
        echo.unanswered_for if echo is not None else 0.0,
        peer.hello_age if peer is not None else lv.FORGET_S,
        station.inactive_age if station is not None else lv.FORGET_S,
    )
    return min(last) >= lv.FORGET_S


FAULT: Fault = OneWay()
