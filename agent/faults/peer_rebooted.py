# SPDX-License-Identifier: Apache-2.0
"""peer-rebooted: a neighbour began anew, and the secure link with it was not made again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.securityreadings import SecuredLink

# The end whose part it is dials at once, the other after 3 s (linksec/peers.py: DIAL_GRACE); a handshake.
OVERDUE_S: Final = 5.0
DEADLINE_S: Final = 10.0


class PeerRebooted:
    """The neighbour's beacon says that it began anew (a reboot, or its agent's restart), the channel of its
    former run is lost, and five seconds later there is no new one: what it sends cannot be read. Its keys of
    before are worth nothing to it, so what is left of them here is given up, and it is dialled at once.

    A beacon proves nothing; without a lost channel it is no sign.
    """

    id: ClassVar[str] = "peer-rebooted"
    title: ClassVar[str] = "Neighbour restarted, link not back"
    by_hand: ClassVar[str] = (
        "`x0 links` at both ends says why the handshake fails; did the neighbour lose its clock or its "
        "identity with the reboot?"
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report
    explains: ClassVar[frozenset[str]] = frozenset({"link-dead", "one-way"})

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return tuple(
            Suspicion(self.id, Subject.hardif(link.hardif, link.mac), f"{link.peer} began anew")
            for link in sec.links(view)
            if _restarted(link)
        )

    def symptoms(self, view: View) -> Sequence[Symptom]:
        found = []
        for link in sec.links(view):
            age = link.restarted_age or 0.0
            if not _restarted(link) or age < OVERDUE_S:
                continue
            evidence = {
                "restart": f"{link.peer} on {link.hardif} began anew {sec.long(age)} ago",
                "channel": "that of its former run is lost, no new one stands",
            }
            found.append(Symptom(self.id, Subject.hardif(link.hardif, link.mac), view.now - age, evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        return (
            f"A neighbour restarted and the secure link with it is not back: {symptom.evidence['restart']}."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Give up what is left, dial at once."""
        hardif, mac = sec.parts(diagnosis.subject)
        args = {"hardif": hardif, "neighbour": mac}
        return (Remedy("renew-link", diagnosis.subject, args, deadline=DEADLINE_S),)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Gone once a channel stands. Where nothing is left of it, not before it is back, or forgotten."""
        if view.snapshot.security is None:
            return State.GONE
        hardif, mac = sec.parts(diagnosis.subject)
        link = sec.link(view, hardif, mac)
        if link is not None:
            return State.PRESENT if link.held or link.state != "post-quantum" else State.GONE
        mesh = view.snapshot.mesh
        known = mesh is None or any((row.hardif, row.mac) == (hardif, mac) for row in mesh.neighbours)
        return State.PRESENT if known else State.GONE


def _restarted(link: SecuredLink) -> bool:
    return link.held and link.restarted_age is not None


FAULT: Fault = PeerRebooted()
