# SPDX-License-Identifier: Apache-2.0
"""key-mismatch: a neighbour's channel stands, but its packets cannot be read: the keys do not agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults import securityview as sec
from agent.faults.base import Fault, State, View
from agent.securityreadings import SecuredLink

UNREAD: Final = 8  # packets, none read meanwhile: batman-adv sends so many in two seconds
SETTLED_S: Final = 5.0  # of a link: the first key is under way before
DEADLINE_S: Final = 25.0  # a handshake, and two looks at the kernel's numbers, which are taken every 10 s
SECOND_TRY_S: Final = 60.0  # after the diagnosis


class KeyMismatch:
    """The neighbour proved who it is and answers in its channel, yet the kernel could read none of its
    packets over the last looks and dropped at least eight: what it sends under is not the key it gave us.

    Somebody changed the device's keys by hand, a driver lost them, or one end is wrong. Forged packets alone
    are no sign: the neighbour's own are read beside them.
    """

    id: ClassVar[str] = "key-mismatch"
    title: ClassVar[str] = "Keys of a link do not agree"
    by_hand: ClassVar[str] = (
        "Compare `ip macsec show` at both ends; did somebody change keys by hand? Restart the neighbour's "
        "agent, then this one's (`systemctl restart x0-agent`)."
    )
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report
    explains: ClassVar[frozenset[str]] = frozenset({"link-dead", "one-way", "link-lossy"})

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: the kernel's numbers are not looked at more often in doubt."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        found = []
        for link in sec.links(view):
            before = _unread_since(view, link)
            if before is None:
                continue
            count = (link.rx_bad or 0) - before[1]
            evidence = {
                "unread": f"{count} packets of {link.peer} on {link.hardif}, none read",
                "channel": "it stands, and the neighbour answers in it",
            }
            found.append(Symptom(self.id, Subject.hardif(link.hardif, link.mac), before[0], evidence))
        return tuple(found)

    def sentence(self, symptom: Symptom) -> str:
        return f"The keys of a secured link do not agree: {symptom.evidence['unread']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Begin anew with it; once more later."""
        hardif, mac = sec.parts(diagnosis.subject)
        args = {"hardif": hardif, "neighbour": mac}
        later = {"attempt": "2", "not_before": f"{diagnosis.at + SECOND_TRY_S:.3f}"}
        return (
            Remedy("renew-link", diagnosis.subject, args, deadline=DEADLINE_S),
            Remedy("renew-link", diagnosis.subject, args | later, deadline=DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Gone when something of it is read again, or it is no secured neighbour any more."""
        link = sec.link(view, *sec.parts(diagnosis.subject))
        if link is None:
            return State.GONE
        if link.age < view.now - diagnosis.at and (link.rx_ok or 0) > 0:
            return State.GONE  # made anew since, and read
        return State.GONE if _read(view, link) else State.PRESENT


def _unread_since(view: View, link: SecuredLink) -> tuple[float, int] | None:
    """(monotonic s, packets that were unreadable then) of a time since which none was read; None: no such."""
    if link.held or link.state != "post-quantum" or link.age < SETTLED_S or not link.rx_bad:
        return None
    start: tuple[float, int] | None = None
    for snapshot in reversed(view.history):
        before = _then(snapshot, link)
        if before is None or before.rx_bad is None or before.rx_ok != link.rx_ok:
            break
        if before.rx_bad > link.rx_bad:
            break  # the channel was made anew: its numbers began again
        start = (snapshot.at, before.rx_bad)
    return start if start is not None and link.rx_bad - start[1] >= UNREAD else None


def _read(view: View, link: SecuredLink) -> bool:
    """Was something of it read between the oldest look of the history and now?"""
    for snapshot in view.history:
        before = _then(snapshot, link)
        if (
            before is not None
            and before.rx_ok is not None
            and link.rx_ok is not None
            and link.rx_ok > before.rx_ok
        ):
            return True
    return False


def _then(snapshot: Snapshot, link: SecuredLink) -> SecuredLink | None:
    """The same link as it was in that snapshot."""
    rows = snapshot.security.links if snapshot.security else ()
    return next(
        (one for one in rows if (one.hardif, one.mac, one.peer) == (link.hardif, link.mac, link.peer)), None
    )


FAULT: Fault = KeyMismatch()
