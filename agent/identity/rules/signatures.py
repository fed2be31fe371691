# SPDX-License-Identifier: Apache-2.0
"""Who vouches for the certificates, and who has taken it back."""

from __future__ import annotations

from agent.identity.grace import Standing, standing
from agent.identity.rules.base import REISSUE, Case, because, day, rule


@rule("under-a-root", "issuer", "is signed by a root of our bundle that is in time",
      "bring the mesh's newest bundle to this node, or the right YAML to the other")  # fmt: skip
def under_a_root(case: Case) -> str:
    """RFC 5280, 6.1; an empty bundle trusts nothing."""
    for root in case.roots:
        in_time = standing(root.not_before, root.not_after, case.judged_at)
        if in_time in (Standing.VALID, Standing.DEFERRED) and case.issuer.signed_by(root):
            return ""
    return f"none of our {len(case.roots)} roots in time signed it"


@rule("under-its-issuer", "SVID", "is signed by the issuer beside it", REISSUE)
def under_its_issuer(case: Case) -> str:
    """RFC 5280, 6.1.3."""
    return "" if case.leaf.signed_by(case.issuer) else "another key signed it"


@rule(
    "issuer-not-revoked",
    "issuer",
    "is not revoked by a root",
    "enrol the node anew with another issuer",
)
def issuer_not_revoked(case: Case) -> str:
    """An issuer's list cannot reach another issuer."""
    entry = case.revoked.issuer(case.issuer.key_id)
    return f"revoked {day(entry.at)}{because(entry.reason)}" if entry else ""


@rule("not-revoked", "SVID", "is not revoked: neither its node, nor its key, nor itself",
      "the mesh expelled it; enrol it anew under a new name if that was a mistake")  # fmt: skip
def not_revoked(case: Case) -> str:
    """Grace is never for the revoked: this rule is asked whatever the time says."""
    entry = (
        case.revoked.node(case.node)
        or case.revoked.key(case.leaf.key_id)
        or case.revoked.certificate(case.issuer.key_id, case.leaf.serial)
    )
    return f"{entry.kind} revoked {day(entry.at)}{because(entry.reason)}" if entry else ""
