# SPDX-License-Identifier: Apache-2.0
"""partition: nodes that were known became unreachable together: the mesh has split. Said, nothing is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.readings import Known

KNOWN_FOR_S: Final = 60.0  # a node that was there for a minute belongs to the mesh
UNHEARD_S: Final = 10.0  # ten of batman-adv's default OGM intervals: longer than any change of ways takes
TOGETHER_S: Final = 8.0  # last OGMs of one part come by ways of different length, some through long queues
LEAST: Final = 2  # one node alone is a dead node
BACK_S: Final = 5.0  # heard so lately at the last dump: it is back
NAMED: Final = 8  # nodes named in a sentence
SUSPECT_AFTER_S: Final = 3.0
SUSPECT_UNTIL_S: Final = 20.0  # by then it is decided


class Partition:
    """At least two nodes, known for a minute, whose last messages came at the same time and no more since.

    Local rules go on in each part; batman-adv joins the parts by itself. Nodes that lost their power together
    look the same.
    """

    id: ClassVar[str] = "partition"
    title: ClassVar[str] = "Mesh split in two"
    by_hand: ClassVar[str] = (
        "Look at the link or node between the two parts: power, antenna, cable; the parts join by themselves."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """Two that are late: the originators are dumped more often, which decides it."""
        late = [k for k in _established(view) if SUSPECT_AFTER_S <= k.heard_age < SUSPECT_UNTIL_S]
        if len(late) < LEAST:
            return ()
        return (Suspicion(self.id, Subject.mesh(view.mesh_name), f"{len(late)} nodes are unheard"),)

    def symptoms(self, view: View) -> Sequence[Symptom]:
        mesh = view.snapshot.mesh
        lost = [known for known in _established(view) if known.heard_age >= UNHEARD_S]
        part = _together(lost)
        if mesh is None or len(part) < LEAST:
            return ()
        quiet = min(known.heard_age for known in part)
        doubted = any(SUSPECT_AFTER_S <= known.heard_age < UNHEARD_S for known in _established(view))
        if doubted and quiet < SUSPECT_UNTIL_S:
            return ()  # the part may be larger: soon it is known
        reached = sum(1 for known in _established(view) if known.heard_age < BACK_S)
        names = _names(view)
        told = [names.get(known.mac, known.mac) for known in part]
        more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
        evidence = {
            "unreachable": ", ".join(told[:NAMED]) + more,
            "nodes": f"{len(part)} nodes fell silent within {TOGETHER_S:.0f} s, {quiet:.0f} s ago",
            "reached": f"{reached} other known nodes are heard",
        }
        onset = mesh.originators_at - max(known.heard_age for known in part)
        return (Symptom(self.id, Subject.mesh(view.mesh_name), onset, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        seen = symptom.evidence
        return (
            f"The mesh has split: {seen['unreachable']} cannot be reached from here; {seen['nodes']}, "
            f"{seen['reached']}."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Nothing: each part goes on by its own rules and they join by themselves."""
        return ()

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Gone when fewer than two of those that fell silent then are still silent."""
        mesh = view.snapshot.mesh
        if mesh is None:
            return State.PRESENT
        first, last = diagnosis.onset - 1.0, diagnosis.onset + 2 * TOGETHER_S
        away = [
            known
            for known in mesh.known
            if known.heard_age >= BACK_S and first <= mesh.originators_at - known.heard_age <= last
        ]
        return State.PRESENT if len(away) >= LEAST else State.GONE


def _established(view: View) -> list[Known]:
    mesh = view.snapshot.mesh
    return [known for known in mesh.known if known.known_for >= KNOWN_FOR_S] if mesh is not None else []


def _together(lost: Sequence[Known]) -> tuple[Known, ...]:
    """The largest group whose last messages came within TOGETHER_S; of equal ones the latest."""
    rows = sorted(lost, key=lambda known: known.heard_age)
    best: tuple[int, int] = (0, 0)
    end = 0
    for start in range(len(rows)):
        while end < len(rows) and rows[end].heard_age - rows[start].heard_age <= TOGETHER_S:
            end += 1
        if end - start > best[1] - best[0]:
            best = (start, end)
    return tuple(rows[best[0] : best[1]])


def _names(view: View) -> dict[str, str]:
    """Originator > the node's name, where hellos told it."""
    heard = (peer for snapshot in (*view.history, view.snapshot) for peer in snapshot.peers)
    return {**view.snapshot.names, **{peer.originator: peer.node for peer in heard}}


FAULT: Fault = Partition()
