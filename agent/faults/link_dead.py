# SPDX-License-Identifier: Apache-2.0
"""link-dead: a cable, a radio link or a switch port carries nothing any more while the interface looks up.

batman-adv alone needs five OGM intervals to leave such a link; see docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults import reroute
from agent.faults.base import Fault, State, View
from agent.faults.deadlink import dead_links, own_trouble


class LinkDead:
    """Nothing comes from a neighbour on one of our links: no ELP for several intervals, no echo answered.

    Suspected earlier: two ELP intervals silent, or a station inactive for half a second. To neighbours that
    suspicion says "we do not hear you"; so one that says this of us, and that we hear, is one-way's matter.
    Treated by taking the link out of the mesh where another way exists; we go on asking it and put it back.
    """

    id: ClassVar[str] = "link-dead"
    title: ClassVar[str] = "Dead link"
    by_hand: ClassVar[str] = (
        "Look at cable, plug, antenna and the other end's power; the link is used again once it answers."
    )
    explains: ClassVar[frozenset[str]] = frozenset()

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """Every neighbour whose link is in doubt, and every one of a link we hold out of the mesh."""
        return tuple(self._suspicions(view))

    def _suspicions(self, view: View) -> Iterator[Suspicion]:
        for hardif in lv.attached(view):
            if lv.usable(view, hardif):
                for mac in lv.neighbours(view, hardif):
                    if why := _doubt(view, hardif, mac):
                        yield reroute.suspicion(self.id, hardif, mac, why)
        for hardif in sorted(view.detached):
            if lv.usable(view, hardif):
                for mac in lv.treated(view, hardif):
                    yield reroute.suspicion(self.id, hardif, mac, "held out of the mesh until it answers")

    def symptoms(self, view: View) -> Sequence[Symptom]:
        """One for each dead link; says so where everything is silent at once."""
        own = own_trouble(view)
        more = {"own": own} if own else {}
        return tuple(
            Symptom(self.id, Subject.hardif(d.hardif, d.mac), d.onset, d.evidence | more)
            for d in dead_links(view)
        )

    def sentence(self, symptom: Symptom) -> str:
        hardif, _ = reroute.split(symptom.subject)
        seen = symptom.evidence
        figures = "; ".join(seen[key] for key in ("elp", "station", "echo", "carrier", "own") if key in seen)
        return f"The link {hardif} to {reroute.name(symptom.subject, seen)} is dead: {figures}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        return reroute.ladder(diagnosis, view)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        return reroute.state(diagnosis, view)


def _doubt(view: View, hardif: str, mac: str) -> str:
    """Why the link to this neighbour is in doubt, "" where it is not."""
    quiet, elp = lv.silence(view, hardif, mac), lv.elp_s(view, hardif, mac)
    if quiet is not None and quiet > lv.SUSPECT_MISSES * elp:
        return f"no ELP for {quiet:.2f} s, expected every {elp:.2f} s"
    radio, seen = lv.station(view, hardif, mac)
    if radio and seen is None:
        return "its station vanished from the radio"
    if seen is not None and seen.inactive_age > lv.RADIO_SUSPECT_S:
        return f"no beacon for {seen.inactive_age:.2f} s"
    return ""


FAULT: Fault = LinkDead()
