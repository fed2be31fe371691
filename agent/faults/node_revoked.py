# SPDX-License-Identifier: Apache-2.0
"""node-revoked: a node the mesh has expelled wants in; or the mesh has expelled this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Suspicion, Symptom
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.securityreadings import LinkFailure


class NodeRevoked:
    """The revocation lists name this node (its name, key, certificate or issuer): all others refuse it, and
    no repair of its own can change that. Or a revoked neighbour was cut, or tries to come back: it is
    refused, its keys were changed at once, nothing hangs on it.
    """

    id: ClassVar[str] = "node-revoked"
    title: ClassVar[str] = "Node expelled from the mesh"
    by_hand: ClassVar[str] = (
        "Ask the operator why (the list says the reason). A node that was expelled by mistake is enrolled "
        "anew under another name; one that was stolen is looked for where its signal is strongest."
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report
    explains: ClassVar[frozenset[str]] = frozenset({"svid-expired"})

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: a list says it or not."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        found = []
        own = sec.own(view)
        if own is not None and own.revoked:
            evidence = {"who": f"this node ({own.id})", "list": own.revoked}
            found.append(Symptom(self.id, sec.IDENTITY, view.now, evidence))
        for failure in _others(view):
            evidence = {
                "who": f"{failure.peer} on {failure.hardif}",
                "tries": f"{failure.count}, the last {sec.long(failure.age)} ago",
                "list": failure.text,
            }
            found.append(Symptom(self.id, sec.subject(view, failure), view.now - failure.first_age, evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        if symptom.subject == sec.IDENTITY:
            return f"The mesh has expelled this node: {symptom.evidence['list']}."
        return f"A node that was expelled is kept out: {symptom.evidence['who']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """None: keeping it out is what is done, and of this node nothing may be."""
        return ()

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        if view.snapshot.security is None:
            return State.GONE
        if diagnosis.subject == sec.IDENTITY:
            own = sec.own(view)
            return State.PRESENT if own is not None and own.revoked else State.GONE
        there = any(sec.subject(view, one) == diagnosis.subject for one in _others(view))
        return State.CONTAINED if there else State.GONE


def _others(view: View) -> Sequence[LinkFailure]:
    return sec.first(sec.failures(view, "revoked"))


FAULT: Fault = NodeRevoked()
