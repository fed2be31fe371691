# SPDX-License-Identifier: Apache-2.0
"""wifi-deaf: a radio that still sends and hears nobody; its link is up, the logs are empty (Gluon #605)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults import radiofaults as rf
from agent.faults.base import Fault, State, View
from agent.faults.deadlink import own_trouble
from agent.readings import Radio


class WifiDeaf:
    """Nothing is heard from any station of a radio, and its neighbours are not the cause.

    Either two or more fell silent at once, or one of them lives by another sign. A radio with one neighbour
    and no other way to it is left to link-dead: its silence may as well be the neighbour's death.
    """

    id: ClassVar[str] = "wifi-deaf"
    title: ClassVar[str] = "Deaf radio"
    by_hand: ClassVar[str] = (
        "Do the neighbours have power? Then let it scan (`iw dev NAME scan`), else switch the node off and "
        "on; if it goes deaf again and again, look at antenna and plugs or use another radio."
    )
    # hardif-missing: our own switching off and on shows as such
    explains: ClassVar[frozenset[str]] = frozenset({"link-dead", "node-dead", "one-way", "hardif-missing"})
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """Nothing heard for a second, of two neighbours at least."""
        return tuple(
            Suspicion(self.id, Subject.hardif(radio.name), f"none of {radio.peers} neighbours heard")
            for radio in rf.joined_radios(view)
            if radio.peers >= 2 and radio.heard_age is not None and radio.heard_age > rf.HEARD_S
        )

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return tuple(self._symptoms(view))

    def _symptoms(self, view: View) -> Iterator[Symptom]:
        if own_trouble(view):
            return  # cables are silent too: rather the node itself
        for radio in rf.joined_radios(view):
            if radio.heard_age is None or radio.heard_age < rf.LOST_AFTER_S or _clients_heard(view, radio):
                continue
            who, sent = rf.witness(view, radio), rf.sent_in_vain(view, radio, radio.heard_age)
            if who and sent:
                evidence = {
                    "radio": f"nothing heard on {radio.name} for {radio.heard_age:.1f} s",
                    "witness": who,
                    "traffic": sent,
                } | _reported(view, radio)
                onset = view.now - radio.heard_age
                yield Symptom(self.id, Subject.hardif(radio.name), onset, evidence)

    def sentence(self, symptom: Symptom) -> str:
        name, seen = symptom.subject.split("/")[1], symptom.evidence
        figures = "; ".join(seen[key] for key in ("radio", "witness", "traffic", "report") if key in seen)
        return f"The radio {name} is deaf: {figures}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        return rf.ladder(diagnosis, view)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Gone once any station is heard; a radio that hears and has no peer is another fault."""
        radio = rf.radio_of(view, diagnosis.subject.split("/")[1])
        return rf.state(diagnosis, view, radio.heard_age if radio else None)


def _clients_heard(view: View, radio: Radio) -> bool:
    """Does an access point on the same radio hear a client? Then the radio is not deaf."""
    ages = [ap.heard_age for ap in rf.access_points(view, radio)]
    return any(age is not None and age < (radio.heard_age or 0.0) for age in ages)


def _reported(view: View, radio: Radio) -> dict[str, str]:
    """A neighbour that says over the mesh that it hears us: our sending works."""
    for station in radio.stations:
        report = lv.report_on(view, radio.name, station.mac, ("one-way",))
        if report is not None:
            return {"report": f"{report.node} says that it hears us"}
    return {}


FAULT: Fault = WifiDeaf()
