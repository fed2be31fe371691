# SPDX-License-Identifier: Apache-2.0
"""The roots a mesh trusts, in SPIFFE's JWKS form (SPIFFE_Trust_Domain_and_Bundle.md 4, X509-SVID.md 6)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.identity import spiffe
from agent.identity.certificate import Certificate, read
from agent.identity.errors import BundleError, CertificateError
from agent.identity.limits import BUNDLE_BYTES, BUNDLE_ROOTS, SEQUENCE_MAX

USE = "x509-svid"
KEY_TYPE = "AKP"  # RFC 9964
REFRESH_HINT = 3_600  # seconds; how soon a reader looks again. Updates are pushed besides
MEND = "fetch the bundle again from the operator (x0 mesh show --bundle)"


class Bundle(msgspec.Struct, frozen=True):
    """Roots of one mesh. `sequence` only grows; without roots it trusts nothing."""

    trust_domain: str
    sequence: int
    roots: tuple[Certificate, ...]

    @property
    def algorithms(self) -> frozenset[str]:
        """Signature algorithms of the roots: what the mesh's certificates may use."""
        return frozenset(root.algorithm for root in self.roots)


def make(domain: str, sequence: int, roots: tuple[Certificate, ...]) -> Bundle:
    """A checked bundle. BundleError names the root that is none."""
    spiffe.trust_domain(domain)
    if not 0 <= sequence <= SEQUENCE_MAX:
        raise BundleError(f"the bundle's sequence {sequence} is out of bounds", MEND)
    if len(roots) > BUNDLE_ROOTS:
        raise BundleError(f"the bundle has {len(roots)} roots, at most {BUNDLE_ROOTS} are taken", MEND)
    if len({root.key_id for root in roots}) != len(roots):
        raise BundleError("the bundle names one root twice", MEND)
    for root in roots:
        if wrong := root_fault(root, domain):
            raise BundleError(f"root {root.fingerprint[:16]} of the bundle {wrong}", MEND)
    return Bundle(domain, sequence, roots)


def root_fault(root: Certificate, domain: str) -> str:
    """Why `root` is no root of this mesh, "" where it is one. A foreign root is never merged in."""
    if not root.algorithm or root.signature_algorithm != root.algorithm:
        return "has a key or signature that is not ML-DSA-65 or ML-DSA-87"
    if not root.is_ca or not root.ca_critical or (root.path_length is not None and root.path_length < 1):
        return "may not certify issuers"
    if root.uses is None or not root.uses_critical or "key_cert_sign" not in root.uses:
        return "has no critical key usage keyCertSign"
    if root.uris != (str(spiffe.of_domain(domain)),):
        return f"is not of mesh {domain} but of {', '.join(root.uris) or 'none'}"
    if root.unknown_critical:
        return f"has an extension we do not know ({root.unknown_critical[0]})"
    if not root.signed_by(root):
        return "is not signed by itself"
    return ""


def load(data: bytes, domain: str) -> Bundle:
    """A bundle from its JWKS. Keys of other kinds and uses are passed over, as SPIFFE says."""
    if len(data) > BUNDLE_BYTES:
        raise BundleError(f"the bundle has {len(data)} bytes, at most {BUNDLE_BYTES} are read", MEND)
    try:
        found = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"the bundle is no JSON ({str(error)[:80]})", MEND) from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise BundleError("the bundle has no list of keys", MEND)
    sequence = found.get("spiffe_sequence", 0)
    if type(sequence) is not int:
        raise BundleError("the bundle's spiffe_sequence is no whole number", MEND)
    roots = tuple(root for key in keys if (root := _root(key)) is not None)
    return make(domain, sequence, roots)


def dump(bundle: Bundle) -> bytes:
    """The bundle as JWKS: the same bytes for the same bundle."""
    keys = [
        {
            "kty": KEY_TYPE,
            "alg": root.algorithm,
            "use": USE,
            "pub": _base64url(root.parsed.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
            "x5c": [base64.b64encode(root.der).decode()],
        }
        for root in bundle.roots
    ]
    whole = {"keys": keys, "spiffe_refresh_hint": REFRESH_HINT, "spiffe_sequence": bundle.sequence}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


def _root(key: object) -> Certificate | None:
    if not isinstance(key, dict) or key.get("use") != USE or not isinstance(key.get("kty"), str):
        return None
    chain = key.get("x5c")
    if not isinstance(chain, list) or not chain:
        return None
    if key["kty"] != KEY_TYPE:
        raise BundleError(f"the bundle has a root of key type {key['kty'][:20]!r}; we take {KEY_TYPE}", MEND)
    try:
        root = read(base64.b64decode(chain[0], validate=True), "a root of the bundle")
    except (binascii.Error, TypeError, ValueError):
        raise BundleError("a root of the bundle is no base64", MEND) from None
    except CertificateError as error:
        raise BundleError(error.what, MEND) from None
    public = _base64url(root.parsed.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    if key.get("alg") != root.algorithm or key.get("pub", public) != public:
        raise BundleError("a root of the bundle has another key than its JWK says", MEND)
    return root


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's objects without names that come twice: two readers would read two things."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
