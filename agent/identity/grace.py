# SPDX-License-Identifier: Apache-2.0
"""What an SVID is worth at a time: valid, in grace, expired; or deferred, while no time can be trusted."""

from __future__ import annotations

import enum

from agent.identity.limits import GRACE_MAX, SKEW
from agent.identity.moment import Moment


class Standing(enum.StrEnum):
    """What the validity says at a moment."""

    VALID = "valid"
    GRACE = "grace"  # over, but no issuer could be reached to renew it
    DEFERRED = "deferred"  # nothing speaks against it, but the time is not trusted
    EARLY = "early"
    EXPIRED = "expired"


def allowance(configured: float, *, issuer_reachable: bool) -> float:
    """Seconds an expired SVID may still be used: none where an issuer can be reached."""
    return 0.0 if issuer_reachable else min(max(0.0, configured), GRACE_MAX)


def standing(not_before: float, not_after: float, moment: Moment, grace: float = 0.0) -> Standing:
    """Judge a validity. An untrusted time is a lower bound: it can show an end, never a beginning."""
    if moment.at > not_after + grace:
        return Standing.EXPIRED
    if moment.at > not_after:
        return Standing.GRACE
    if not moment.trusted:
        return Standing.DEFERRED
    return Standing.EARLY if moment.at < not_before - SKEW else Standing.VALID
