# SPDX-License-Identifier: Apache-2.0
"""A certificate as plain values, read once, so that rules and tests need no ASN.1."""

from __future__ import annotations

import functools
import hashlib
import warnings
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID

from agent.identity.errors import CertificateError
from agent.identity.limits import CERTIFICATE_BYTES

# A peer with a serial that is not positive must not fill our log; the rule `serial` refuses it.
warnings.filterwarnings("ignore", "Parsed a serial number", CryptographyDeprecationWarning)

ROLE_OID = x509.ObjectIdentifier("2.5.4.72")  # id-at-role, X.520
ALGORITHMS = {  # RFC 9881: the key's and the signature's identifiers are the same
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
MEND = "have the mesh's issuer make a new one"
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
_READ = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)


READ_KEPT = 8  # certificates kept as they were read, 20 KB each: an issuer's comes with each of its nodes'
ISSUERS_KEPT = 16  # pairs of issuer and root whose signature was checked
_checked: dict[tuple[str, str], bool] = {}


class Certificate(msgspec.Struct, frozen=True):
    """What the rules look at. Times are Unix seconds; `algorithm` is the key's, "" if none of ours."""

    der: bytes
    serial: int
    subject: bytes  # DER of the name
    issuer: bytes
    common_name: str
    roles: tuple[str, ...]
    other_subject: tuple[str, ...]  # OIDs of what else the subject holds, the common name apart
    not_before: float
    not_after: float
    algorithm: str
    signature_algorithm: str
    key_id: bytes  # SHA-256 of the subjectPublicKeyInfo: names a key, whoever certified it
    uris: tuple[str, ...]
    other_names: int
    is_ca: bool
    ca_critical: bool
    path_length: int | None
    uses: frozenset[str] | None  # of keyUsage; None: there is no such extension
    uses_critical: bool
    purposes: tuple[str, ...] | None  # OIDs of extendedKeyUsage
    permitted_uris: tuple[str, ...]
    other_constraints: int
    constraints_critical: bool
    subject_key: bytes
    authority_key: bytes
    unknown_critical: tuple[str, ...]
    parsed: Any  # cryptography's own, for signatures

    def signed_by(self, issuer: Certificate) -> bool:
        """Did the issuer's key sign this, and do the names meet? Costs one signature check.

        An issuer's own certificate comes with each of its nodes: its signature is checked once, then kept.
        """
        return _issuer_signed(self, issuer) if self.is_ca else _signed(self, issuer)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()


def read(der: bytes, what: str = "the certificate") -> Certificate:
    """A certificate from DER. CertificateError where it is too large, damaged or holds what X.509 forbids."""
    if len(der) > CERTIFICATE_BYTES:
        raise CertificateError(f"{what} has {len(der)} bytes, at most {CERTIFICATE_BYTES} are read", MEND)
    try:
        return _read(der)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError(f"{what} cannot be read ({_words(error)})", MEND) from None
    except x509.UnsupportedGeneralNameType as error:
        raise CertificateError(f"{what} holds a kind of name nobody reads ({error})", MEND) from None
    except x509.InvalidVersion as error:
        raise CertificateError(f"{what} is of no X.509 version ({error})", MEND) from None


def key_id_of(public_key: Any) -> bytes:
    """SHA-256 of a public key's subjectPublicKeyInfo."""
    return hashlib.sha256(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _signed(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.parsed.verify_directly_issued_by(issuer.parsed)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _issuer_signed(certificate: Certificate, issuer: Certificate) -> bool:
    """The same, remembered for the last ISSUERS_KEPT pairs by what they are made of."""
    key = (certificate.fingerprint, issuer.fingerprint)
    found = _checked.get(key)
    if found is None:
        while len(_checked) >= ISSUERS_KEPT:
            _checked.pop(next(iter(_checked), key), None)
        found = _checked[key] = _signed(certificate, issuer)
    return found


@functools.lru_cache(maxsize=READ_KEPT)
def _read(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    if parsed.public_bytes(Encoding.DER) != der:
        raise ValueError("bytes after its end")
    if parsed.version is not x509.Version.v3:
        raise ValueError("not of version 3, the only one with extensions")
    extensions = {extension.oid: extension for extension in parsed.extensions}
    value: dict[x509.ObjectIdentifier, Any] = {oid: found.value for oid, found in extensions.items()}
    critical = {oid for oid, found in extensions.items() if found.critical}
    basic = value.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = value.get(ExtensionOID.KEY_USAGE)
    purposes = value.get(ExtensionOID.EXTENDED_KEY_USAGE)
    constraints = value.get(ExtensionOID.NAME_CONSTRAINTS)
    subject_key = value.get(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    authority_key = value.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    names = list(value.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME) or ())
    uris = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    permitted = list((constraints.permitted_subtrees if constraints else None) or ())
    hosts = [name.value for name in permitted if isinstance(name, x509.UniformResourceIdentifier)]
    excluded = list((constraints.excluded_subtrees if constraints else None) or ())
    subject = list(parsed.subject)
    common = [str(a.value) for a in subject if a.oid == x509.NameOID.COMMON_NAME]
    kept = (ROLE_OID, x509.NameOID.COMMON_NAME)
    return Certificate(
        der=der,
        serial=parsed.serial_number,
        subject=parsed.subject.public_bytes(),
        issuer=parsed.issuer.public_bytes(),
        common_name=common[0] if common else "",
        roles=tuple(str(a.value) for a in subject if a.oid == ROLE_OID),
        other_subject=tuple(a.oid.dotted_string for a in subject if a.oid not in kept),
        not_before=parsed.not_valid_before_utc.timestamp(),
        not_after=parsed.not_valid_after_utc.timestamp(),
        algorithm=ALGORITHMS.get(parsed.public_key_algorithm_oid.dotted_string, ""),
        signature_algorithm=ALGORITHMS.get(parsed.signature_algorithm_oid.dotted_string, ""),
        key_id=key_id_of(parsed.public_key()),
        uris=tuple(uris),
        other_names=len(names) - len(uris),
        is_ca=bool(basic and basic.ca),
        ca_critical=ExtensionOID.BASIC_CONSTRAINTS in critical,
        path_length=basic.path_length if basic else None,
        uses=None if usage is None else frozenset(use for use in _USES if getattr(usage, use)),
        uses_critical=ExtensionOID.KEY_USAGE in critical,
        purposes=None if purposes is None else tuple(oid.dotted_string for oid in purposes),
        permitted_uris=tuple(hosts),
        other_constraints=len(permitted) - len(hosts) + len(excluded),
        constraints_critical=ExtensionOID.NAME_CONSTRAINTS in critical,
        subject_key=subject_key.digest if subject_key else b"",
        authority_key=(authority_key.key_identifier or b"") if authority_key else b"",
        unknown_critical=tuple(sorted(oid.dotted_string for oid in critical - _READ)),
        parsed=parsed,
    )


def _words(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
