# SPDX-License-Identifier: Apache-2.0
"""Makes the four kinds of certificate, to the rules of `rules/`: root, issuer, SVID, node signing key.

Pure but for the serial number. Who may have one is decided elsewhere (authority.py, enrolment.py).
"""

from __future__ import annotations

import datetime
import secrets

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.identity import spiffe
from agent.identity.certificate import ROLE_OID, Certificate, read
from agent.identity.errors import AuthorityError
from agent.identity.keys import PrivateKey, PublicKey
from agent.identity.limits import BACKDATE, ISSUER_LIFE, ROLES, ROOT_LIFE, SIGNER_LIFE, SVID_LIFE
from agent.identity.spiffe import SpiffeId

# RFC 9336: signs documents. It is no purpose of TLS, so no peer takes this certificate for an SVID.
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
SERIAL_BITS = 95  # 12 octets, always: no two in a mesh's life, and a handshake carries two (64 bits would do)


class Signer(msgspec.Struct, frozen=True):
    """A certificate and its key: of a root or an issuer."""

    certificate: Certificate
    key: PrivateKey


def root(key: PrivateKey, domain: str, now: float, life: float = ROOT_LIFE) -> Certificate:
    """A self-signed root that certifies issuers and no deeper."""
    name = _name(f"{domain} root")
    public = key.public_key()
    extensions = _certifying(public, public, domain, 1)
    return _make(name, name, public, key, now, now + life, extensions)


def issuer(
    root: Signer, key: PublicKey, domain: str, name: str, now: float, life: float = ISSUER_LIFE
) -> Certificate:
    """An intermediate that certifies nodes of this mesh and nothing else."""
    constraint = x509.NameConstraints([x509.UniformResourceIdentifier(domain)], None)
    extensions = [*_certifying(key, root.key.public_key(), domain, 0), (constraint, True)]
    end = min(now + life, root.certificate.not_after)
    return _make(_name(name), _subject(root.certificate), key, root.key, now, end, extensions)


def svid(
    issuer: Signer,
    key: PublicKey,
    identity: SpiffeId,
    roles: tuple[str, ...],
    now: float,
    life: float = SVID_LIFE,
) -> Certificate:
    """An X.509-SVID. It never outlives its issuer."""
    _named_by(issuer, identity)
    if len(roles) > ROLES:
        raise AuthorityError(f"{identity} with {len(roles)} roles", f"give it at most {ROLES}")
    subject = x509.Name([x509.NameAttribute(ROLE_OID, spiffe.role(each)) for each in roles])
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    extensions = _leaf(issuer, identity, _usage(digital_signature=True), purposes, subject_empty=not roles)
    end = min(now + life, issuer.certificate.not_after)
    return _make(subject, _subject(issuer.certificate), key, issuer.key, now, end, extensions)


def signing_key(
    issuer: Signer, key: PublicKey, identity: SpiffeId, now: float, life: float = SIGNER_LIFE
) -> Certificate:
    """The certificate of a node's signing key, for what is verified years later. Useless in TLS."""
    _named_by(issuer, identity)
    purposes = x509.ExtendedKeyUsage([DOCUMENT_SIGNING])
    usage = _usage(digital_signature=True, content_commitment=True)
    extensions = _leaf(issuer, identity, usage, purposes, subject_empty=True)
    end = min(now + life, issuer.certificate.not_after)
    return _make(x509.Name([]), _subject(issuer.certificate), key, issuer.key, now, end, extensions)


Extensions = list[tuple[x509.ExtensionType, bool]]


def _certifying(key: PublicKey, signer: PublicKey, domain: str, depth: int) -> Extensions:
    return [
        (x509.BasicConstraints(ca=True, path_length=depth), True),
        (_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(spiffe.of_domain(domain)))]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False),
    ]


def _named_by(issuer: Signer, identity: SpiffeId) -> None:
    """Peers refuse what an issuer names that is not its own; so nothing of the kind is signed."""
    if not spiffe.within(issuer.certificate.common_name, identity.node or ""):
        raise AuthorityError(
            f"{identity} is not a name of issuer {issuer.certificate.common_name}",
            f"its nodes are named {issuer.certificate.common_name}-...",
        )


def _leaf(
    issuer: Signer,
    identity: SpiffeId,
    usage: x509.KeyUsage,
    purposes: x509.ExtendedKeyUsage,
    *,
    subject_empty: bool,
) -> Extensions:
    # No subject key identifier: RFC 5280, 4.2.1.2 only recommends it in leaves, nobody looks a leaf's up, and
    # each handshake carries two. Basic constraints not critical (4.2.1.9): unread, they make no CA either.
    return [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (usage, True),
        (purposes, False),
        # critical where the subject is empty: RFC 5280, 4.1.2.6
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(identity))]), subject_empty),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False),
    ]


def _usage(**given: bool) -> x509.KeyUsage:
    every = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**{**every, **given})


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _subject(certificate: Certificate) -> x509.Name:
    found: x509.Name = certificate.parsed.subject
    return found


def _make(
    subject: x509.Name,
    issuer: x509.Name,
    public: PublicKey,
    signer: PrivateKey,
    now: float,
    end: float,
    extensions: Extensions,
) -> Certificate:
    if end <= now:
        raise AuthorityError(
            "the certificate above ends before this one would begin",
            "renew that first: x0 mesh issuer, x0 mesh root",
        )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(secrets.randbits(SERIAL_BITS) | 1 << (SERIAL_BITS - 1))
        .not_valid_before(_time(now - BACKDATE))
        .not_valid_after(_time(end))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return read(builder.sign(signer, None).public_bytes(Encoding.DER))


def _time(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(at), datetime.UTC)
