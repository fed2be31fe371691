# SPDX-License-Identifier: Apache-2.0
"""The node's long-lived signing key: certified beside the SVID, for what must be verified years later.

Its certificate names the same node, but for the purpose of signing documents only (RFC 9336), so that TLS and
`svid.verify` refuse it. A statement is judged at the time it was certified or taken into a ledger, not today.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.identity import rules, spiffe, svid
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate
from agent.identity.issuing import DOCUMENT_SIGNING
from agent.identity.limits import BACKDATE, SIGNER_LIFE
from agent.identity.moment import Moment
from agent.identity.revoked import NOTHING, Revoked
from agent.identity.rules import times, uses
from agent.identity.rules.base import REISSUE, Case, rule


@rule("document-signing", "signing certificate", "is for signing documents and nothing else", REISSUE)
def document_signing(case: Case) -> str:
    """A key used in TLS and for statements could be made to sign one as the other."""
    purposes = case.leaf.purposes
    if purposes != (DOCUMENT_SIGNING.dotted_string,):
        return f"purposes {', '.join(purposes or ()) or 'not named'}"
    return "" if "content_commitment" in (case.leaf.uses or ()) else "contentCommitment missing"


@rule("signer-life", "signing certificate", "lives at most two years", REISSUE)
def signer_life(case: Case) -> str:
    """It ends with its issuer at the latest; the node has it certified anew at each renewal."""
    life = case.leaf.not_after - case.leaf.not_before
    return "" if 0 < life <= SIGNER_LIFE + BACKDATE else f"{life:.0f} s"


_OTHERS = (uses.both_purposes, times.bounded_life)  # rules of an SVID that this one breaks by intent
FIRST = (*(each for each in rules.FIRST if each not in _OTHERS), document_signing, signer_life)


class SigningKey(msgspec.Struct, frozen=True):
    """A node's verified signing key. `key_id` stays the same over the years, certificates come and go."""

    node: str
    key_id: bytes
    leaf: Certificate
    issuer: Certificate


def verify(
    chain: Sequence[bytes], bundle: Bundle, moment: Moment, *, revoked: Revoked = NOTHING
) -> SigningKey:
    """The signing key a chain (DER, own certificate first) proves at `moment`; svid.SvidError otherwise."""
    leaf, issuer = svid.read_chain(chain, bundle)
    case = Case(leaf, issuer, bundle.trust_domain, bundle.roots, moment, 0.0, revoked)
    svid.judge(case, FIRST)
    svid.judge(case, rules.THEN)
    return SigningKey(spiffe.parse(leaf.uris[0]).node or "", leaf.key_id, leaf, issuer)
