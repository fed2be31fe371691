# SPDX-License-Identifier: Apache-2.0
"""Certificates that break one rule each: everything the issuing code never makes."""

import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

from agent.identity.certificate import ROLE_OID
from agent.identity.limits import ISSUER_LIFE, SVID_LIFE
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in names for name in USAGES})


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def leaf(signer: Any = None, **changes: Any) -> bytes:
    """An SVID as the issuer makes it, but for `changes`."""
    own = mesh()
    given = {
        "key": own.node_key.public_key(),
        "subject": x509.Name([x509.NameAttribute(ROLE_OID, "router")]),
        "issuer": own.issuer.certificate.parsed.subject,
        "names": [uri(f"spiffe://{DOMAIN}/node/hill-n1")],
        "basic": x509.BasicConstraints(ca=False, path_length=None),
        "usage": usage("digital_signature"),
        "usage_critical": True,
        "purposes": x509.ExtendedKeyUsage([Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH]),
        "constraints": None,
        "authority": own.issuer.key.public_key(),
        "start": NOW - 300,
        "end": NOW + SVID_LIFE,
        **changes,
    }
    return _make(signer or own.issuer.key, given)


def issuer(signer: Any = None, **changes: Any) -> bytes:
    """An issuer's certificate as the root makes it, but for `changes`."""
    own = mesh()
    given = {
        "key": own.issuer.key.public_key(),
        "subject": own.issuer.certificate.parsed.subject,
        "issuer": own.root.certificate.parsed.subject,
        "names": [uri(f"spiffe://{DOMAIN}")],
        "basic": x509.BasicConstraints(ca=True, path_length=0),
        "usage": usage("key_cert_sign", "crl_sign"),
        "usage_critical": True,
        "purposes": None,
        "constraints": x509.NameConstraints([uri(DOMAIN)], None),
        "authority": own.root.key.public_key(),
        "start": NOW - 300,
        "end": NOW + ISSUER_LIFE,
        **changes,
    }
    return _make(signer or own.root.key, given)


def resigned(der: bytes, old: bytes, new: bytes, key: Any) -> bytes:
    """`old` replaced by `new`, as long, in what is signed, and signed again: forms no builder makes."""
    body = x509.load_der_x509_certificate(der).tbs_certificate_bytes
    assert len(old) == len(new)
    assert body.count(old) == 1
    changed = body.replace(old, new)
    signature: bytes = key.sign(changed)
    found: bytes = der.replace(body, changed)[: -len(signature)] + signature
    return found


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _make(signer: Any, given: dict[str, Any]) -> bytes:
    moment = [datetime.datetime.fromtimestamp(given[name], datetime.UTC) for name in ("start", "end")]
    builder = (
        x509.CertificateBuilder()
        .subject_name(given["subject"])
        .issuer_name(given["issuer"])
        .public_key(given["key"])
        .serial_number(given.get("serial", 2**100 + 1))
        .not_valid_before(moment[0])
        .not_valid_after(moment[1])
    )
    extensions = [
        (given["basic"], given.get("basic_critical", True)),
        (given["usage"], given["usage_critical"]),
        (given["purposes"], False),
        (x509.SubjectAlternativeName(given["names"]) if given["names"] else None, False),
        (given["constraints"], given.get("constraints_critical", True)),
        (x509.SubjectKeyIdentifier.from_public_key(given["key"]), False),
        (
            given["authority"] and x509.AuthorityKeyIdentifier.from_issuer_public_key(given["authority"]),
            False,
        ),
        (given.get("further"), True),
    ]
    for extension, critical in extensions:
        if extension is not None:
            builder = builder.add_extension(extension, critical)
    algorithm = given.get("hash")
    return builder.sign(signer, algorithm).public_bytes(Encoding.DER)
