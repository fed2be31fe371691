# SPDX-License-Identifier: Apache-2.0
"""A new bundle, signed by a root of the one in force: how a mesh follows its root's rotation, hop by hop."""

from __future__ import annotations

from agent.identity import bundle as bundles
from agent.identity import signed
from agent.identity.bundle import Bundle
from agent.identity.errors import BundleError, IdentityError
from agent.identity.issuing import Signer
from agent.identity.limits import BUNDLE_BYTES
from agent.identity.moment import Moment
from agent.identity.revoked import NOTHING, Revoked

PURPOSE = b"x0 bundle 1"
UPDATE_BYTES = BUNDLE_BYTES + 16_384  # and a signature with its certificate


def make(new: Bundle, signer: Signer) -> bytes:
    """The update; `signer` is a root those who shall take it trust already."""
    return signed.sign(bundles.dump(new), signer, PURPOSE)


def take(data: bytes, current: Bundle, moment: Moment, revoked: Revoked = NOTHING) -> Bundle:
    """The bundle to use from now on; `current` itself where the update is not newer.

    BundleError: not signed by a root of `current`, of another mesh, or another bundle of the same number.
    """
    try:
        document = signed.check(
            data,
            current,
            moment,
            purpose=PURPOSE,
            max_bytes=UPDATE_BYTES,
            revoked=revoked,
            what="the new bundle",
            mend=bundles.MEND,
        )
    except IdentityError as error:
        raise BundleError(error.what, error.mend) from None
    if not document.by_root:
        raise BundleError("the new bundle is signed by an issuer; only a root may", bundles.MEND)
    new = bundles.load(document.payload, current.trust_domain)
    if new.sequence < current.sequence:
        return current
    if new.sequence == current.sequence:
        if bundles.dump(new) != bundles.dump(current):
            raise BundleError(
                f"two bundles are both number {new.sequence}",
                "two copies of the mesh's folder are in use; keep one",
            )
        return current
    if not new.roots:
        raise BundleError("the new bundle has no root: nobody could be trusted any more", bundles.MEND)
    return new
