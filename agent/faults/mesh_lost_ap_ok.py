# SPDX-License-Identifier: Apache-2.0
"""mesh-lost-ap-ok: the radio works, its mesh does not: no 802.11s peer is left (Gluon #1148)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import radiofaults as rf
from agent.faults.base import Fault, State, View
from agent.readings import Radio


class MeshLostApOk:
    """A radio in its mesh that had peers and has none, though it receives.

    That it receives shows by clients of an access point on the same radio, heard since (then the neighbours
    must not be the cause, as for wifi-deaf), or by mesh stations that are heard and not peered with.
    """

    id: ClassVar[str] = "mesh-lost-ap-ok"
    title: ClassVar[str] = "Radio works, its mesh does not"
    by_hand: ClassVar[str] = (
        "Switch the node off and on, or restart its Wi-Fi; clients at its access point are cut off meanwhile."
    )
    # hardif-missing: our own switching off and on shows as such
    explains: ClassVar[frozenset[str]] = frozenset(
        {"link-dead", "node-dead", "one-way", "wifi-deaf", "hardif-missing"}
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """No peer for a second where stations are heard."""
        return tuple(
            Suspicion(self.id, Subject.hardif(radio.name), "no mesh peer left")
            for radio in rf.joined_radios(view)
            if radio.peered_age is not None and radio.peered_age > rf.HEARD_S and _unpeered(radio)
        )

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return tuple(self._symptoms(view))

    def _symptoms(self, view: View) -> Iterator[Symptom]:
        for radio in rf.joined_radios(view):
            if radio.peered_age is None or radio.peered_age < rf.LOST_AFTER_S:
                continue
            receives = _unpeered(radio)
            clients = "" if receives else _clients(view, radio)
            who = rf.witness(view, radio) if clients else ""
            if receives or who:
                lost = f"no mesh peer on {radio.name} for {radio.peered_age:.1f} s, {radio.peers} before"
                evidence = {
                    "mesh": lost,
                    "radio": receives or clients,
                } | ({"witness": who} if who else {})
                yield Symptom(self.id, Subject.hardif(radio.name), view.now - radio.peered_age, evidence)

    def sentence(self, symptom: Symptom) -> str:
        seen = symptom.evidence
        figures = "; ".join(seen[key] for key in ("mesh", "radio", "witness") if key in seen)
        return f"The radio {symptom.subject.split('/')[1]} works, but its mesh does not: {figures}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Off and on comes last: it cuts off the access point's clients too."""
        return rf.ladder(diagnosis, view)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        radio = rf.radio_of(view, diagnosis.subject.split("/")[1])
        return rf.state(diagnosis, view, radio.peered_age if radio else None)


def _unpeered(radio: Radio) -> str:
    """Mesh stations that are heard now while none is a peer, in words; "" where that is not so."""
    if radio.kind != "mesh" or radio.heard_age is None or radio.heard_age > rf.HEARD_S:
        return ""
    heard = [f"{s.mac} ({s.plink})" for s in radio.stations if s.inactive_age <= rf.HEARD_S]
    return f"heard, but not peered with: {', '.join(heard[:3])}" if heard else ""


def _clients(view: View, radio: Radio) -> str:
    """Clients an access point on the same radio heard since the mesh was lost, in words."""
    for ap in rf.access_points(view, radio):
        if ap.stations and ap.heard_age is not None and ap.heard_age < (radio.peered_age or 0.0):
            return f"{len(ap.stations)} clients at {ap.name}, heard {ap.heard_age:.0f} s ago"
    return ""


FAULT: Fault = MeshLostApOk()
