# SPDX-License-Identifier: Apache-2.0
"""node-dead: a neighbour without power, or crashed: silent on every link and unheard on every way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults import reroute
from agent.faults.base import Fault, State, View
from agent.faults.deadlink import DeadLink, dead_links


class NodeDead:
    """A neighbouring node that is unheard on all links and on every way through the mesh.

    Its subject is that of the dead link it explains, `hardif/NAME/MAC`. It differs from a dead link by the
    originator: where another way to the node exists, its messages still come. Where none does, the two look
    alike.
    """

    id: ClassVar[str] = "node-dead"
    title: ClassVar[str] = "Neighbour dead"
    by_hand: ClassVar[str] = (
        "Look at the neighbour's power supply, then restart it; a cut cable may look the same."
    )
    explains: ClassVar[frozenset[str]] = frozenset({"link-dead"})

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None of its own: a dead link is doubted first."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        dead = dead_links(view)
        return tuple(s for d in dead if (s := self._symptom(view, d, dead)) is not None)

    def _symptom(self, view: View, link: DeadLink, dead: tuple[DeadLink, ...]) -> Symptom | None:
        mesh, wait = view.snapshot.mesh, view.thresholds.originator_silence_s
        originator = lv.originator_of(view, link.hardif, link.mac)
        if mesh is None or not originator or mesh.originators_at < link.onset + wait:
            return None
        gone = {(d.hardif, d.mac) for d in dead}
        others = [
            (h, mac)
            for h in lv.attached(view)
            for mac in lv.neighbours(view, h)
            if lv.originator_of(view, h, mac) == originator
        ]
        if any(way not in gone for way in others):
            return None
        heard = lv.heard_as_originator(mesh, originator)
        if heard is not None and heard < wait:
            return None
        words = "no longer known to batman-adv" if heard is None else f"no OGM on any way for {heard:.2f} s"
        evidence = link.evidence | {"originator": f"{originator}: {words}"}
        if beyond := _silent_beyond(view, originator):
            evidence["beyond"] = f"{beyond} more nodes are unheard too: no other way leads there"
        return Symptom(self.id, Subject.hardif(link.hardif, link.mac), link.onset, evidence)

    def sentence(self, symptom: Symptom) -> str:
        hardif, _ = reroute.split(symptom.subject)
        seen = symptom.evidence
        keys = ("elp", "station", "echo", "carrier", "originator")
        figures = "; ".join(seen[key] for key in keys if key in seen)
        cut = f" Or the link to it is cut: {seen['beyond']}." if "beyond" in seen else ""
        return f"The neighbour {reroute.name(symptom.subject, seen)} on {hardif} is dead: {figures}.{cut}"

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        return reroute.ladder(diagnosis, view)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        return reroute.state(diagnosis, view)


def _silent_beyond(view: View, originator: str) -> int:
    """How many other originators have been unheard for as long."""
    ages: dict[str, float] = {}
    for row in view.snapshot.mesh.originators if view.snapshot.mesh else ():
        ages[row.mac] = min(ages.get(row.mac, row.last_seen_age), row.last_seen_age)
    wait = view.thresholds.originator_silence_s
    return sum(1 for mac, age in ages.items() if mac != originator and age >= wait)


FAULT: Fault = NodeDead()
