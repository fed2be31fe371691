# SPDX-License-Identifier: Apache-2.0
"""What the faults of link security read of a view: links, interfaces, failures. Pure.

Of a failure it matters whether it names a SPIFFE ID: only that was proved. An address anybody can invent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from agent.events import Snapshot, Subject
from agent.faults.base import View
from agent.hello.peers import eui64
from agent.linksec.errors import JUDGED
from agent.securityreadings import LinkFailure, OwnIdentity, SecuredInterface, SecuredLink, Security

IDENTITY: Final = Subject.host("identity")  # of what concerns this node's own certificate
# A refused neighbour is dialled again, and dials, at least every half minute (linksec/peers.py: BACKOFF_MAX):
# four of these without a word, and it has stopped.
RECENT_S: Final = 120.0
SHOWN_MAX: Final = 8  # symptoms of one fault: strangers can fail in many ways
TIME_RULES: Final = frozenset({"not-early", "not-over", "issuer-in-time"})  # agent/identity/rules
# An SVID lives 90 days at most (identity/limits.py): one that was over for longer than a whole life is of a
# node that slept the winter, or looked at by a clock that is far ahead.
LONG_OVER_S: Final = 90 * 86_400.0
SKEW_S: Final = 300.0  # identity/limits.py: SKEW
_RULES: Final = re.compile(r"(?:^|; )([a-z-]+): ")


def security(view: View) -> Security | None:
    """None where links are not secured."""
    return view.snapshot.security


def links(view: View) -> tuple[SecuredLink, ...]:
    """Neighbours that proved who they are."""
    found = security(view)
    return found.links if found else ()


def link(view: View, hardif: str, mac: str) -> SecuredLink | None:
    """That one."""
    return next((one for one in links(view) if (one.hardif, one.mac) == (hardif, mac)), None)


def interface(view: View, hardif: str) -> SecuredInterface | None:
    """A mesh interface whose frames are encrypted."""
    found = security(view)
    return next((one for one in found.interfaces if one.hardif == hardif), None) if found else None


def failures(view: View, reason: str, within: float = RECENT_S) -> tuple[LinkFailure, ...]:
    """Those of this reason whose last was so lately, newest first."""
    found = security(view)
    return tuple(one for one in found.failures if one.reason == reason and one.age <= within) if found else ()


def proved(failure: LinkFailure) -> bool:
    """Does it name somebody who proved it?"""
    return failure.peer.startswith("spiffe://")


def subject(view: View, failure: LinkFailure) -> str:
    """`hardif/NAME/MAC` where the MAC is known, by itself or by the address; else `hardif/NAME/ADDRESS`."""
    return Subject.hardif(failure.hardif, failure.mac or _mac(view, failure) or failure.peer or "somebody")


def parts(name: str) -> tuple[str, str]:
    """(hardif, MAC) of a subject `hardif/NAME/MAC`."""
    _, hardif, mac = name.split("/", 2)
    return hardif, mac


def broken(text: str) -> frozenset[str]:
    """Rules of certificates that a refusal names (identity/svid.py: SvidError).

    Those of time are the last that are asked, so none of the others is behind the end of a text that was cut.
    """
    return frozenset(_RULES.findall(text.removeprefix(JUDGED)))


def untimely(failure: LinkFailure) -> bool:
    """Was a certificate refused for nothing but its time?"""
    rules = broken(failure.text)
    return bool(rules) and rules <= TIME_RULES


def clock_doubtful(view: View) -> str:
    """What certificates say against this node's own clock, in words, "" where nothing.

    Only of a clock that is believed: while it is not, what its time says of certificates counts for nothing.
    """
    found = security(view)
    if found is None or not found.identity.time_trusted:
        return ""
    own, now = found.identity, view.snapshot.wall
    if own.not_before is not None and now < own.not_before - SKEW_S:
        return f"this node's own certificate begins only in {long(own.not_before - now)} by it"
    late = own.not_after is not None and now - own.not_after > LONG_OVER_S
    others = [one for one in failures(view, "certificate") if untimely(one)]
    if (
        late
        and own.not_after is not None
        and others
        and not any(one.state == "post-quantum" for one in found.links)
    ):
        return (
            f"by it this node's own certificate ended {long(now - own.not_after)} ago, and those of "
            f"{len(others)} neighbour{'' if len(others) == 1 else 's'} are out of their time, too"
        )
    return ""


def own(view: View) -> OwnIdentity | None:
    """What this node shows of itself."""
    found = security(view)
    return found.identity if found else None


def oldest(view: View, since: Callable[[Snapshot], bool]) -> Snapshot | None:
    """The oldest snapshot of the history's end in which this held without a break."""
    found: Snapshot | None = None
    for snapshot in reversed(view.history):
        if not since(snapshot):
            break
        found = snapshot
    return found


def first(found: Iterable[LinkFailure]) -> Sequence[LinkFailure]:
    """The newest of them, few enough to be treated."""
    return tuple(found)[:SHOWN_MAX]


def long(seconds: float) -> str:
    """Roughly, in words: 40 s, 5 min, 3 h, 12 days, 9 years."""
    for size, word in ((365 * 86_400.0, "years"), (86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} s"


def _mac(view: View, failure: LinkFailure) -> str:
    """Whose link-local address it is, as the kernel makes it of a MAC."""
    mesh, found = view.snapshot.mesh, security(view)
    known = {one.mac for one in view.snapshot.peers if one.hardif == failure.hardif}
    known |= {one.mac for one in (mesh.neighbours if mesh else ()) if one.hardif == failure.hardif}
    known |= {one.mac for one in (found.unsecured if found else ()) if one.hardif == failure.hardif}
    return next((mac for mac in sorted(known) if eui64(mac) == failure.peer), "")
