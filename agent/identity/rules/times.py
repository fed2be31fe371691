# SPDX-License-Identifier: Apache-2.0
"""When the certificates hold."""

from __future__ import annotations

from agent.identity.grace import Standing, standing
from agent.identity.limits import BACKDATE, DAY, SVID_LIFE_MAX
from agent.identity.rules.base import NEW_ISSUER, REISSUE, RENEW, Case, day, rule


@rule("bounded-life", "SVID", "lives at most 90 days", REISSUE)
def bounded_life(case: Case) -> str:
    """Revocation lists may forget an SVID that is long over; one that never is would come back."""
    life = case.leaf.not_after - case.leaf.not_before
    return "" if 0 < life <= SVID_LIFE_MAX + BACKDATE else f"{life / DAY:.0f} days"


@rule("not-early", "SVID", "has begun, by our clock if it is trusted, give or take 5 minutes",
      "set this node's clock, or the issuer's")  # fmt: skip
def not_early(case: Case) -> str:
    """Deferred while our time is not trusted (RFC 8995, 2.6.1)."""
    found = standing(case.leaf.not_before, case.leaf.not_after, case.moment, case.grace)
    return (
        f"begins {day(case.leaf.not_before)}, our clock says {day(case.moment.at)}"
        if found is Standing.EARLY
        else ""
    )


@rule("not-over", "SVID", "is not over, or in the grace of a mesh without an issuer", RENEW)
def not_over(case: Case) -> str:
    """An untrusted time is a lower bound, so an end it shows is one."""
    found = standing(case.leaf.not_before, case.leaf.not_after, case.moment, case.grace)
    if found is not Standing.EXPIRED:
        return ""
    clock = f"our clock says {day(case.moment.at)}, grace {case.grace / DAY:.0f} d"
    return f"ended {day(case.leaf.not_after)}, {clock}"


@rule("issuer-in-time", "issuer", "is valid, or was when the SVID ended", NEW_ISSUER)
def issuer_in_time(case: Case) -> str:
    """RFC 5280, 6.1.3, at the time an SVID in grace was last good."""
    found = standing(case.issuer.not_before, case.issuer.not_after, case.judged_at)
    if found in (Standing.VALID, Standing.DEFERRED):
        return ""
    return f"valid from {day(case.issuer.not_before)} to {day(case.issuer.not_after)}"
