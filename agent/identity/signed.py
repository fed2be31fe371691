# SPDX-License-Identifier: Apache-2.0
"""What roots and issuers sign beside certificates: COSE_Sign1 with the signer's certificate."""

from __future__ import annotations

import msgspec
from cryptography.exceptions import InvalidSignature

from agent.codec import cose
from agent.codec.errors import CodecError
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate, read
from agent.identity.errors import CertificateError, IdentityError
from agent.identity.grace import Standing, standing
from agent.identity.issuing import Signer
from agent.identity.moment import Moment
from agent.identity.revoked import Revoked

USE = "crl_sign"  # key usage of whoever may sign such a document


class Document(msgspec.Struct, frozen=True):
    """A document whose signature fits: who signed it, whether a root did, and which root vouches for that.

    `root` is the root's key (SHA-256), empty where none of the bundle's vouches: `check` never gives that.
    """

    payload: bytes
    signer: Certificate
    by_root: bool
    root: bytes


def sign(payload: bytes, signer: Signer, purpose: bytes) -> bytes:
    """A document signed by a root or an issuer."""
    return cose.sign1(
        payload,
        algorithm=signer.certificate.algorithm,
        sign=signer.key.sign,
        purpose=purpose,
        key_id=signer.certificate.key_id,
        chain=(signer.certificate.der,),
    )


def check(
    data: bytes,
    bundle: Bundle,
    moment: Moment,
    *,
    purpose: bytes,
    max_bytes: int,
    revoked: Revoked,
    what: str,
    mend: str,
) -> Document:
    """The document, where a root of the bundle or an issuer under one signed it for this purpose.

    IdentityError names `what` and `mend` otherwise.
    """
    message, signer = _read(data, max_bytes, what, mend)
    if wrong := _fault(signer, bundle, moment, revoked):
        raise IdentityError(f"{what} is signed by {signer.common_name or 'somebody'}, who {wrong}", mend)
    return _document(message, signer, bundle, purpose, what, mend)


def reread(data: bytes, bundle: Bundle, *, purpose: bytes, max_bytes: int, what: str, mend: str) -> Document:
    """A document that `check` once gave and this node kept: its signer may have been revoked or left since.

    Only for the node's own disk. IdentityError where it is damaged.
    """
    message, signer = _read(data, max_bytes, what, mend)
    return _document(message, signer, bundle, purpose, what, mend)


def _read(data: bytes, max_bytes: int, what: str, mend: str) -> tuple[cose.Sign1, Certificate]:
    try:
        message = cose.read_sign1(data, max_bytes)
        if len(message.chain) != 1:
            raise IdentityError(
                f"{what} carries {len(message.chain)} certificates instead of its signer's", mend
            )
        return message, read(message.chain[0], f"the signer of {what}")
    except (CodecError, CertificateError) as error:
        raise IdentityError(f"{what} is not of the form ({error})", mend) from None


def _document(
    message: cose.Sign1, signer: Certificate, bundle: Bundle, purpose: bytes, what: str, mend: str
) -> Document:
    if signer.algorithm != message.algorithm or signer.key_id != message.key_id:
        raise IdentityError(f"{what} names another key than its signer's", mend)
    try:
        signer.parsed.public_key().verify(message.signature, message.to_be_signed(purpose))
    except InvalidSignature:
        raise IdentityError(f"{what} has a signature that does not fit", mend) from None
    root = _root(signer, bundle)
    return Document(message.payload, signer, root == signer, root.key_id if root else b"")


def _root(signer: Certificate, bundle: Bundle) -> Certificate | None:
    """Who of the bundle vouches: the signer itself where it is a root, else the one that certified it."""
    own = (root for root in bundle.roots if root.der == signer.der)
    return next(own, None) or next((root for root in bundle.roots if signer.signed_by(root)), None)


def _fault(signer: Certificate, bundle: Bundle, moment: Moment, revoked: Revoked) -> str:
    if not signer.is_ca or USE not in (signer.uses or ()):
        return "may not sign for the mesh"
    if revoked.issuer(signer.key_id):
        return "is revoked"
    if _root(signer, bundle) is None:
        return f"is under no root of mesh {bundle.trust_domain}"
    # What was signed in time stays so: a list must outlast its signer. Only a signer from the future is odd.
    if standing(signer.not_before, signer.not_after, moment) is Standing.EARLY:
        return "begins in the future: a clock is wrong"
    return ""
