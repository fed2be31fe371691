# SPDX-License-Identifier: Apache-2.0
"""What a rule is, and what it judges."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from agent.identity import spiffe
from agent.identity.certificate import Certificate
from agent.identity.errors import SpiffeIdError
from agent.identity.moment import Moment
from agent.identity.revoked import NOTHING, Revoked

RENEW = "renew the node's SVID (the node does it by itself once it reaches an issuer)"
REISSUE = "have this mesh's issuer make a new SVID"
NEW_ISSUER = "make the issuer anew: x0 mesh issuer"


class Case(msgspec.Struct, frozen=True):
    """What is judged, and by what. `grace`: seconds an SVID may be over (grace.allowance)."""

    leaf: Certificate
    issuer: Certificate
    trust_domain: str
    roots: tuple[Certificate, ...]
    moment: Moment
    grace: float = 0.0
    revoked: Revoked = NOTHING

    @property
    def judged_at(self) -> Moment:
        """When issuer and root must have been valid: now, but not after the SVID they vouched for ended."""
        return Moment(min(self.moment.at, self.leaf.not_after), self.moment.trusted)

    @property
    def node(self) -> str:
        """The node's name, "" where the SVID names none."""
        try:
            return (spiffe.parse(self.leaf.uris[0]).node if self.leaf.uris else None) or ""
        except SpiffeIdError:
            return ""


class Rule(NamedTuple):
    """`says` what must hold of `where`; `mend` is what a person can do where it does not."""

    id: str
    where: str
    says: str
    mend: str
    check: Callable[[Case], str]


def rule(name: str, where: str, says: str, mend: str) -> Callable[[Callable[[Case], str]], Rule]:
    """Makes a function a rule: it gives "" where the rule is kept, else what it found."""
    return lambda check: Rule(name, where, says, mend, check)


def because(reason: str) -> str:
    """` (reason)`, or nothing."""
    return f" ({reason})" if reason else ""


def day(at: float) -> str:
    """A time in words; a hostile one must not raise."""
    try:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {at:.0f}"
