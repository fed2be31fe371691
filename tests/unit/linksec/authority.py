# SPDX-License-Identifier: Apache-2.0
"""A mesh authority for the tests: root, issuer, leaves, and a verifier that checks signatures and the mesh.

The SPIFFE rules have their own tests beside the code that holds them; here they only tell friend from foe.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.x509.oid import NameOID

from agent.kernel.secret import Secret
from agent.linksec.errors import PeerRefusedError
from agent.linksec.judged import Chain, Judged, Verifier
from agent.linksec.tls import Credentials

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
MESH = "spiffe://tal"
Signed = tuple[Any, x509.Certificate]  # private key, certificate


def signed(
    common: str,
    uri: str,
    issuer: Signed | None = None,
    *,
    authority: bool = False,
    make_key: Callable[[], Any] = mldsa.MLDSA65PrivateKey.generate,
    padding: int = 0,
) -> Signed:
    """A certificate of the kind the identity package issues; `padding`: bytes of a needless extension."""
    key = make_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[1].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(seconds=10))
        .not_valid_after(NOW + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), not common)
    )
    if padding:
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")  # reserved for documentation (RFC 5612)
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, bytes(padding)), critical=False)
    by = issuer[0] if issuer else key
    return key, builder.sign(by, hashes.SHA256() if isinstance(by, ec.EllipticCurvePrivateKey) else None)


def der(certificate: x509.Certificate) -> bytes:
    """Its bytes."""
    return certificate.public_bytes(serialization.Encoding.DER)


def credentials(uri: str, leaf: Signed, *issuers: Signed) -> Credentials:
    """What a node has of its identity."""
    pem = leaf[0].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Credentials(uri, tuple(der(c) for _, c in (leaf, *issuers)), Secret(pem))


class Mesh:
    """A root, one issuer, and nodes."""

    def __init__(
        self, trust: str = MESH, make_key: Callable[[], Any] = mldsa.MLDSA65PrivateKey.generate
    ) -> None:
        self.trust, self._make_key = trust, make_key
        self.root = signed("root", trust, authority=True, make_key=make_key)
        self.issuer = signed("issuer", trust, self.root, authority=True, make_key=make_key)
        self.revoked: set[str] = set()

    def node(self, name: str, *, direct: bool = False, **how: Any) -> Credentials:
        """A node's credentials; `direct`: issued by the root, as in the measured facts."""
        uri = f"{self.trust}/node/{name}"
        issuer = self.root if direct else self.issuer
        leaf = signed("", uri, issuer, **({"make_key": self._make_key} | how))
        return credentials(uri, leaf, *([] if direct else [self.issuer]))

    def verifier(self, known: Sequence[Signed] | None = None) -> Verifier:
        """Accepts our nodes; `known`: issuers that need not be sent (the root always is)."""
        trusted = [self.root[1], *(c for _, c in (known if known is not None else [self.issuer]))]

        def verify(chain: Chain) -> Judged:
            leaf, *sent = (x509.load_der_x509_certificate(one) for one in chain)
            for issuer in [*trusted, *sent]:
                try:
                    leaf.verify_directly_issued_by(issuer)
                    if issuer not in trusted:
                        issuer.verify_directly_issued_by(self.root[1])
                except (ValueError, TypeError, InvalidSignature):
                    continue
                break
            else:
                raise PeerRefusedError("signed by nobody we trust")
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
            if not uri.startswith(self.trust + "/node/"):
                raise PeerRefusedError(f"{uri} is of another mesh")
            if uri in self.revoked:
                raise PeerRefusedError(f"{uri} was revoked")
            return Judged(uri, (chain[0], der(issuer)))

        return verify


def take_all(chain: Chain) -> Judged:
    """A verifier that trusts anybody."""
    return Judged("anybody", chain)


def refuse_all(chain: Chain) -> Judged:
    """A verifier that trusts nobody."""
    raise PeerRefusedError(f"nobody is trusted here, so none of these {len(chain)} certificates")
