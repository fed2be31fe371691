# SPDX-License-Identifier: Apache-2.0
"""svid-expired: a certificate is over, this node's own or a neighbour's: who has it is let in no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Suspicion, Symptom
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.securityreadings import LinkFailure

OVER: Final = "not-over"  # agent/identity/rules


class SvidExpired:
    """This node's own certificate is over by a time that counts (the clock's where it is trusted, else the
    floor's); or a neighbour's is, which had a link here before and was cut for it. It is the owner that must
    renew, and does by itself once it reaches an issuer, up to a year later.

    A stranger that shows a certificate that is over is refused and reported, no more: it may be anybody's.
    Where the node's own clock is in doubt it is that one's fault (clock-wrong).
    """

    id: ClassVar[str] = "svid-expired"
    title: ClassVar[str] = "Certificate has run out"
    by_hand: ClassVar[str] = (
        "Compare `date -u` with the real time first. Then give the node whose certificate it is a way to its "
        "issuer or a stand-in (an enrolled neighbour passes it on), or enrol it anew with a join token."
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report
    explains: ClassVar[frozenset[str]] = frozenset()

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: an end is known for days."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        if sec.clock_doubtful(view):
            return ()
        found = []
        if (left := _left(view)) is not None and left <= 0:
            own = sec.own(view)
            name = own.id if own is not None else ""
            evidence = {"certificate": f"this node's own ({name}) ended {sec.long(-left)} ago"}
            if own is not None and own.problem:
                evidence["problem"] = own.problem
            found.append(Symptom(self.id, sec.IDENTITY, view.now + left, evidence))
        for failure in _others(view):
            evidence = {
                "certificate": f"that of {failure.peer} on {failure.hardif}",
                "proved": "it was a neighbour before"
                if sec.proved(failure)
                else "nothing proves whose it is",
            }
            found.append(Symptom(self.id, sec.subject(view, failure), view.now - failure.first_age, evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        return f"A certificate has run out: {symptom.evidence['certificate']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """None: renewal is tried all the time, and no other key may be taken."""
        return ()

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Of one that never proved anything: it is refused, nothing hangs on it."""
        if view.snapshot.security is None:
            return State.GONE
        if diagnosis.subject == sec.IDENTITY:
            left = _left(view)
            return State.PRESENT if left is not None and left <= 0 else State.GONE
        found = next((one for one in _others(view) if sec.subject(view, one) == diagnosis.subject), None)
        if found is None:
            return State.GONE
        return State.PRESENT if sec.proved(found) else State.CONTAINED


def _left(view: View) -> float | None:
    own = sec.own(view)
    return own.left if own is not None else None


def _others(view: View) -> Sequence[LinkFailure]:
    """Refused for being over and for nothing else."""
    found = (
        one for one in sec.failures(view, "certificate") if OVER in sec.broken(one.text) and sec.untimely(one)
    )
    return sec.first(one for one in found if not _back(view, one))


def _back(view: View, failure: LinkFailure) -> bool:
    """Does it have a link again?"""
    return any(
        link.hardif == failure.hardif
        and link.state == "post-quantum"
        and (link.peer == failure.peer or link.address == failure.peer)
        for link in sec.links(view)
    )


FAULT: Fault = SvidExpired()
