# SPDX-License-Identifier: Apache-2.0
"""one-way: one end of a link hears the other, but not the reverse.

batman-adv alone never leaves such a link (faults.md: 55 s of loss); both ends must act.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import answers, radiofaults, reroute
from agent.faults import liveness as lv
from agent.faults.base import Fault, State, View
from agent.faults.deadlink import dead_links

BLOCK_DEADLINE_S = 10.0  # five OGM intervals of the default second, and as much again on a busy node
TRIAL_S = 60.0  # before a blocked neighbour is tried again: a trial costs a second or two of its traffic


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
        """Neighbours we hear that say they do not hear us."""
        return tuple(
            reroute.suspicion(self.id, hardif, mac, why)
            for hardif in lv.attached(view)
            for mac in lv.neighbours(view, hardif)
            if lv.heard(view, hardif, mac) and (why := lv.says_deaf(view, hardif, mac))
        )

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
        quiet, why = lv.silence(view, hardif, mac), lv.says_deaf(view, hardif, mac)
        echo, peer = answers.echo_of(view, hardif, mac), lv.peer_of(view, hardif, mac)
        if quiet is None or not lv.heard(view, hardif, mac) or not why:
            return None
        if echo is None or not answers.echo_silent_alone(view, hardif, mac):
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
        """As a dead link's; but a radio that serves others too ends its peering with this one alone."""
        hardif, mac = reroute.split(diagnosis.subject)
        rungs = reroute.ladder(diagnosis, view)
        if not rungs or not lv.station(view, hardif, mac)[0]:
            return rungs
        args = {"hardif": hardif, "neighbour": mac}
        block = Remedy("block-peer", diagnosis.subject, args, deadline=BLOCK_DEADLINE_S)
        return (*rungs[:-1], block, rungs[-1])

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        hardif, mac = reroute.split(diagnosis.subject)
        if radiofaults.blocked(view, hardif, mac):
            return _blocked(diagnosis, view, hardif, mac)
        return reroute.state(diagnosis, view)


def _blocked(diagnosis: Diagnosis, view: View, hardif: str, mac: str) -> State:
    """Nothing of a blocked neighbour arrives, its return neither: so it is tried again, later each time.

    At once where the node behind it is unheard on every other way.
    """
    mesh = view.snapshot.mesh
    if mesh is None:
        return State.PRESENT
    originator, wait = lv.originator_of(view, hardif, mac), view.thresholds.originator_silence_s
    heard = lv.heard_as_originator(mesh, originator)
    if mesh.originators_at > diagnosis.at + BLOCK_DEADLINE_S and (heard is None or heard >= wait):
        return State.NEEDED
    relapses = min(view.relapses.get(diagnosis.subject, 0), lv.MAX_DOUBLINGS)
    if view.now - diagnosis.at >= min(TRIAL_S * 2.0**relapses, max(TRIAL_S, view.longest_wait)):
        return State.GONE
    return State.PRESENT if lv.best_via(view, hardif, mac) else State.CONTAINED


FAULT: Fault = OneWay()
