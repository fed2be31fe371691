# SPDX-License-Identifier: Apache-2.0
"""The rules a peer's SVID must keep, one function each. The table in docs/identity.md is made of them.

Rules on names, uses and time come first, and all of them speak; signatures and revocations are looked at only
where those are kept, so that garbage costs no signature check.
"""

from __future__ import annotations

from agent.identity.rules import names, signatures, times, uses
from agent.identity.rules.base import REISSUE, Case, Rule

FIRST = (
    names.one_uri,
    names.no_other_name,
    names.spiffe_id,
    names.trust_domain,
    names.node_path,
    names.named_by_its_issuer,
    names.roles,
    names.issuer_domain,
    names.issuer_constrained,
    uses.serial,
    uses.known_critical,
    uses.algorithm,
    uses.leaf_not_ca,
    uses.key_usage_critical,
    uses.digital_signature,
    uses.no_signing_kinds,
    uses.both_purposes,
    uses.issuer_is_ca,
    uses.issuer_path_length,
    uses.issuer_key_usage,
    uses.key_identifiers,
    times.bounded_life,
    times.not_early,
    times.not_over,
    times.issuer_in_time,
)
THEN = (
    signatures.under_a_root,
    signatures.under_its_issuer,
    signatures.issuer_not_revoked,
    signatures.not_revoked,
)

__all__ = ["FIRST", "REISSUE", "THEN", "Case", "Rule"]
