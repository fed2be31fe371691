# SPDX-License-Identifier: Apache-2.0
"""Joins the identity package to TLS: whose chain is it, by the SPIFFE rules, bundle, time and revocations.

A peer that knows from our beacon which issuers we know sends its leaf alone; the issuer's certificate is put
beside it here. Nothing is trusted for that: the rules judge both as if they had been sent. It is given back
with the verdict, so that judging anew does not depend on the list of issuers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from agent.identity import keys, svid
from agent.identity.bundle import Bundle
from agent.identity.certificate import read
from agent.identity.errors import CertificateError
from agent.identity.moment import Moment
from agent.identity.nodefiles import Keyed
from agent.identity.revoked import NOTHING, Revoked
from agent.kernel.secret import Secret
from agent.linksec.errors import PeerRefusedError, Reason
from agent.linksec.judged import Chain, Judged, Verifier
from agent.linksec.tls import Credentials

MAX_ISSUERS: Final = (
    8  # issuers of one mesh that are kept ready; each tried costs a signature check of 0.1 ms
)
NOT_REVOKED: Final = "not-revoked"  # the identity package's name of the rule


class Trust(msgspec.Struct, frozen=True):
    """What a peer is judged by now. `issuers`: certificates (DER) peers need not send."""

    bundle: Bundle
    moment: Moment
    revoked: Revoked = NOTHING
    grace: float = 0.0
    issuers: tuple[bytes, ...] = ()


Permit = Callable[[svid.Verified], str]  # why this node may be no neighbour, "" where it may


def anybody(_: svid.Verified) -> str:
    """Whoever is of the mesh may be a neighbour."""
    return ""


def verifier(trust: Callable[[], Trust], permit: Permit = anybody) -> Verifier:
    """The judge of peers' chains; `trust()` is asked each time, so revocations and bundles count at once.

    `permit` has the last word (agent/authz): so has a policy that is changed at the next recheck.
    """

    def verify(chain: Chain) -> Judged:
        now = trust()
        if len(chain) > 1:
            return _judged(chain, now, permit)
        refusal = PeerRefusedError("it sent its own certificate alone, of an issuer not known here")
        for issuer in _candidates(chain[0], now.issuers):
            try:
                return _judged((chain[0], issuer), now, permit)
            except PeerRefusedError as error:
                refusal = error
        raise refusal

    return verify


def credentials(identity: Keyed) -> Credentials:
    """A node's identity as TLS wants it. PeerRefusedError: it is not enrolled, or its SVID is unreadable."""
    if not identity.chain:
        raise PeerRefusedError("this node has no certificate yet; enrol it")
    try:
        own = read(identity.chain[0], "our own SVID")
    except CertificateError as error:
        raise PeerRefusedError(str(error)) from None
    return Credentials(own.uris[0] if own.uris else "", identity.chain, Secret(keys.to_pem(identity.key)))


def _judged(chain: Chain, trust: Trust, permit: Permit) -> Judged:
    try:
        found = svid.verify(chain, trust.bundle, trust.moment, revoked=trust.revoked, grace=trust.grace)
    except svid.SvidError as error:
        revoked = any(broken.rule == NOT_REVOKED for broken in error.broken)
        raise PeerRefusedError(str(error), Reason.REVOKED if revoked else Reason.CERTIFICATE) from None
    if why := permit(found):
        raise PeerRefusedError(why, Reason.POLICY)
    return Judged(str(found.id), chain)


def _candidates(leaf: bytes, issuers: tuple[bytes, ...]) -> list[bytes]:
    """Those whose name and key the leaf gives as its issuer's."""
    try:
        own = read(leaf, "the peer's SVID")
        known = [read(der, "an issuer's certificate") for der in issuers[:MAX_ISSUERS]]
    except CertificateError as error:
        raise PeerRefusedError(str(error)) from None
    return [
        issuer.der
        for issuer in known
        if (issuer.subject, issuer.subject_key) == (own.issuer, own.authority_key)
    ]
