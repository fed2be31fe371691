# SPDX-License-Identifier: Apache-2.0
"""What a node asks an issuer and what it gets, as deterministic CBOR. No transport, no policy.

The certificate requests (PKCS#10) prove that the node holds the keys; of what they ask, only the keys count.
"""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from agent.codec import cbor
from agent.codec.errors import CodecError
from agent.identity import keys
from agent.identity.errors import EnrolmentError
from agent.identity.keys import PrivateKey, PublicKey
from agent.identity.limits import CERTIFICATE_BYTES
from agent.identity.token import SERIAL_CHARS, TOKEN_CHARS

REASONS = ("form", "proof", "name-taken", "name-changed", "key-changed", "revoked", "full", "too-late")
REQUEST_BYTES = 65_536  # two requests and two certificates of ML-DSA-87 have 31 KB
ANSWER_BYTES = 65_536  # four certificates of ML-DSA-87 have 31 KB
CSR_BYTES = 12_288
MEND = "start the node's agent again; if it stays so, both sides need the same version"
_TOKEN, _NAME, _SERIAL, _TLS, _SIGNING, _CERTIFIED = 1, 2, 3, 4, 5, 6
_SVID, _SIGNER = 1, 2


class Request(msgspec.Struct, frozen=True):
    """`token` is "" in a renewal: the channel says who asks. `certified`: the signing key's chain so far."""

    name: str
    tls: bytes  # PKCS#10, DER
    signing: bytes
    token: str = ""
    serial: str = ""
    certified: tuple[bytes, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """Chains are DER, the node's own first. Nothing in it that nobody signed: the issue is the issuer's time.

    No bundle: roots come by the node's YAML and by updates a root signs (bundleupdate.py), never from an issuer.
    """

    svid: tuple[bytes, bytes]
    signer: tuple[bytes, bytes]


def csr(key: PrivateKey) -> bytes:
    """A certificate request: proof of the key, nothing else."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(key, None)
        .public_bytes(Encoding.DER)
    )


def proved_key(der: bytes, algorithms: frozenset[str], what: str) -> PublicKey:
    """The key a request proves. EnrolmentError: damaged, not signed by its key, another algorithm."""
    if len(der) > CSR_BYTES:
        raise EnrolmentError("form", f"{what} has {len(der)} bytes, at most {CSR_BYTES} are read", MEND)
    try:
        found: Any = x509.load_der_x509_csr(der)
        key = found.public_key()
        proved = found.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EnrolmentError("form", f"{what} cannot be read ({str(error)[:80]})", MEND) from None
    if keys.algorithm_of(key) not in algorithms:
        kind = keys.algorithm_of(key) or type(key).__name__
        raise EnrolmentError(
            "proof", f"{what} is for a key {kind}, the mesh has {', '.join(sorted(algorithms))}", MEND
        )
    if not proved:
        raise EnrolmentError("proof", f"{what} is not signed by its own key", MEND)
    public: PublicKey = key
    return public


def encode_request(request: Request) -> bytes:
    """The bytes of a request."""
    fields: dict[int | str, object] = {_NAME: request.name, _TLS: request.tls, _SIGNING: request.signing}
    further = {_TOKEN: request.token, _SERIAL: request.serial, _CERTIFIED: list(request.certified)}
    fields.update({label: value for label, value in further.items() if value})
    return cbor.encode(fields)


def decode_request(data: bytes) -> Request:
    """A request. EnrolmentError where it is none."""
    found = _map(data, REQUEST_BYTES, {_NAME, _TLS, _SIGNING}, {_TOKEN, _SERIAL, _CERTIFIED}, "request")
    name, token, serial = found[_NAME], found.get(_TOKEN, ""), found.get(_SERIAL, "")
    if not isinstance(name, str) or not isinstance(token, str) or not isinstance(serial, str):
        raise _not("request")
    if len(name) > 64 or len(token) > TOKEN_CHARS or len(serial) > SERIAL_CHARS or not serial.isprintable():
        raise _not("request")
    certified = found.get(_CERTIFIED, [])
    chain = () if certified == [] else _chain(certified, "request")
    return Request(
        name, _bytes(found[_TLS], CSR_BYTES), _bytes(found[_SIGNING], CSR_BYTES), token, serial, chain
    )


def encode_answer(answer: Answer) -> bytes:
    """The bytes of an answer."""
    return cbor.encode({_SVID: list(answer.svid), _SIGNER: list(answer.signer)})


def decode_answer(data: bytes) -> Answer:
    """An answer, nothing in it verified yet. EnrolmentError where it is none."""
    found = _map(data, ANSWER_BYTES, {_SVID, _SIGNER}, set(), "answer")
    return Answer(_chain(found[_SVID], "answer"), _chain(found[_SIGNER], "answer"))


def _map(
    data: bytes, most: int, needed: set[int], further: set[int], what: str
) -> dict[int | str, cbor.Value]:
    try:
        found = cbor.decode(data, most)
    except CodecError as error:
        raise EnrolmentError("form", f"the {what} is not of the form ({error})", MEND) from None
    if not isinstance(found, dict) or not needed <= found.keys() <= needed | further:
        raise _not(what)
    return found


def _chain(found: object, what: str) -> tuple[bytes, bytes]:
    if not isinstance(found, list) or len(found) != 2:
        raise _not(what)
    return _bytes(found[0], CERTIFICATE_BYTES), _bytes(found[1], CERTIFICATE_BYTES)


def _bytes(found: object, most: int) -> bytes:
    if not isinstance(found, bytes) or not 0 < len(found) <= most:
        raise EnrolmentError("form", f"a field that is no byte string of 1 to {most} bytes", MEND)
    return found


def _not(what: str) -> EnrolmentError:
    return EnrolmentError("form", f"the {what} has other fields than ours, or one out of bounds", MEND)
