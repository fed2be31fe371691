# SPDX-License-Identifier: Apache-2.0
"""neighbour-unsecured: somebody speaks batman-adv in clear on an interface where links must be secured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.securityreadings import UnsecuredNeighbour

NAMED_MAX: Final = 3  # addresses named; anybody can invent more


class NeighbourUnsecured:
    """Frames of batman-adv come in clear from whoever had ten seconds to show a certificate and did not.
    Nothing of them passes, and nothing passes to it: it is reported, no more. One for each interface, however
    many they are.

    It never is what the node itself does, so it needs a person only where that node should be of the mesh.
    """

    id: ClassVar[str] = "neighbour-unsecured"
    title: ClassVar[str] = "Neighbour without link security"
    by_hand: ClassVar[str] = (
        "Is it one of yours? Enrol it (a join token in its YAML) and set link_security alike on both; a "
        "stranger's node can be left: nothing of it is let in."
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report
    explains: ClassVar[frozenset[str]] = frozenset()

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: who has not had its time yet may still show itself."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        found = []
        for hardif, refused in _refused(view).items():
            names = ", ".join(_name(view, one) for one in refused[:NAMED_MAX])
            more = f" and {len(refused) - NAMED_MAX} more" if len(refused) > NAMED_MAX else ""
            evidence = {
                "who": f"{names}{more} on {hardif}",
                "refused": "nothing of theirs passes, as links must be secured here",
            }
            since = view.now - max(one.known_for for one in refused)
            found.append(Symptom(self.id, Subject.hardif(hardif), since, evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        return f"A neighbour speaks in clear and is refused: {symptom.evidence['who']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """None: refusing it is what is done."""
        return ()

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        hardif = diagnosis.subject.split("/", 1)[1]
        return State.CONTAINED if hardif in _refused(view) else State.GONE


def _refused(view: View) -> dict[str, list[UnsecuredNeighbour]]:
    """By interface."""
    found = sec.security(view)
    rows: dict[str, list[UnsecuredNeighbour]] = {}
    for one in found.unsecured if found else ():
        if one.refused:
            rows.setdefault(one.hardif, []).append(one)
    return rows


def _name(view: View, one: UnsecuredNeighbour) -> str:
    heard = (peer.node for peer in view.snapshot.peers if (peer.hardif, peer.mac) == (one.hardif, one.mac))
    node = one.node or next(heard, "")
    return f"{one.mac} ({node}, as it calls itself)" if node else one.mac


FAULT: Fault = NeighbourUnsecured()
