# SPDX-License-Identifier: Apache-2.0
"""What a node asks an issuer and what it gets, as deterministic CBOR. No transport, no policy.

Both of the node's keys sign the request as a whole, with the issuer it is for and the channel it travels in.
So whoever records one, or is the issuer of one, can use it nowhere else. (PKCS#10 has room for none of that.)
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from agent.codec import cbor
from agent.codec.errors import CodecError
from agent.identity import keys
from agent.identity.errors import EnrolmentError
from agent.identity.keys import PrivateKey, PublicKey
from agent.identity.limits import CERTIFICATE_BYTES
from agent.identity.token import SERIAL_CHARS, TOKEN_CHARS

REASONS = (
    "form",
    "proof",
    "other-name",
    "name-taken",
    "name-changed",
    "key-changed",
    "revoked",
    "full",
    "too-late",
    "stand-in",
)
PURPOSE = "x0 enrolment 1"
REQUEST_BYTES = 65_536  # two keys, two signatures and two certificates of ML-DSA-87 have 30 KB
ANSWER_BYTES = 65_536  # four certificates of ML-DSA-87 have 31 KB
KEY_BYTES = 4_096  # of a public key: ML-DSA-87 has 2,614
PROOF_BYTES = 8_192  # of a signature: ML-DSA-87 has 4,627
CHANNEL_BYTES = 32  # of the channel's binding: TLS's exporter, RFC 9266
MEND = "start the node's agent again; if it stays so, both sides need the same version"
_TOKEN, _NAME, _SERIAL, _TLS, _SIGNING, _CERTIFIED, _TLS_PROOF, _SIGNING_PROOF = range(1, 9)
_SVID, _SIGNER = 1, 2


class Target(msgspec.Struct, frozen=True):
    """Whom a request is for, and the channel it travels in.

    `channel`: CHANNEL_BYTES that TLS exports at both its ends and at no other (RFC 9266).
    """

    mesh: str
    issuer: str
    channel: bytes


class Request(msgspec.Struct, frozen=True):
    """`token` is "" in a renewal: the channel says who asks. `certified`: the signing key's chain so far."""

    name: str
    tls: bytes  # subjectPublicKeyInfo, DER
    signing: bytes
    tls_proof: bytes  # signatures of `statement`
    signing_proof: bytes
    token: str = ""
    serial: str = ""
    certified: tuple[bytes, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """Chains are DER, the node's own first. Nothing in it that nobody signed: the issue is the issuer's time.

    No bundle: roots come by the node's YAML and by updates a root signs (bundleupdate.py), not by an issuer.
    """

    svid: tuple[bytes, bytes]
    signer: tuple[bytes, bytes]


def ask(
    target: Target,
    name: str,
    tls: PrivateKey,
    signing: PrivateKey,
    *,
    token: str = "",
    serial: str = "",
    certified: tuple[bytes, ...] = (),
) -> Request:
    """A node's request, for this issuer in this channel alone."""
    own = Request(
        name, _public(tls.public_key()), _public(signing.public_key()), b"", b"", token, serial, certified
    )
    said = statement(own, target)
    return msgspec.structs.replace(own, tls_proof=tls.sign(said), signing_proof=signing.sign(said))


def statement(request: Request, target: Target) -> bytes:
    """What both keys sign: whole, so that no part of one request can be taken into another."""
    hashes = [
        hashlib.sha256(each).digest() for each in (request.token.encode(), request.tls, request.signing)
    ]
    where = [target.mesh, target.issuer, target.channel]
    return cbor.encode([PURPOSE, *where, request.name, request.serial, *hashes])


def proved_keys(request: Request, target: Target, algorithms: frozenset[str]) -> tuple[PublicKey, PublicKey]:
    """TLS key and signing key, both proved for this request here and now. EnrolmentError otherwise."""
    if len(target.channel) != CHANNEL_BYTES:
        raise EnrolmentError("form", f"a channel's binding of {len(target.channel)} bytes", MEND)
    tls, signing = _key(request.tls, algorithms, "TLS key"), _key(request.signing, algorithms, "signing key")
    if request.tls == request.signing:
        raise EnrolmentError("proof", "one key for TLS and for signing", MEND)
    said = statement(request, target)
    for key, proof, what in ((tls, request.tls_proof, "TLS"), (signing, request.signing_proof, "signing")):
        try:
            key.verify(proof, said)
        except InvalidSignature:
            raise EnrolmentError(
                "proof", f"the {what} key did not sign this request, to this issuer, in this channel", MEND
            ) from None
    return tls, signing


def _key(der: bytes, algorithms: frozenset[str], what: str) -> PublicKey:
    try:
        key: Any = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EnrolmentError("form", f"the {what} cannot be read ({str(error)[:80]})", MEND) from None
    if keys.algorithm_of(key) not in algorithms:
        kind = keys.algorithm_of(key) or type(key).__name__
        raise EnrolmentError(
            "proof", f"the {what} is of kind {kind}, the mesh has {', '.join(sorted(algorithms))}", MEND
        )
    if _public(key) != der:
        raise EnrolmentError("form", f"the {what} is not in DER", MEND)
    public: PublicKey = key
    return public


def _public(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def encode_request(request: Request) -> bytes:
    """The bytes of a request."""
    fields: dict[int | str, object] = {_NAME: request.name, _TLS: request.tls, _SIGNING: request.signing}
    fields |= {_TLS_PROOF: request.tls_proof, _SIGNING_PROOF: request.signing_proof}
    further = {_TOKEN: request.token, _SERIAL: request.serial, _CERTIFIED: list(request.certified)}
    fields.update({label: value for label, value in further.items() if value})
    return cbor.encode(fields)


def decode_request(data: bytes) -> Request:
    """A request. EnrolmentError where it is none."""
    needed = {_NAME, _TLS, _SIGNING, _TLS_PROOF, _SIGNING_PROOF}
    found = _map(data, REQUEST_BYTES, needed, {_TOKEN, _SERIAL, _CERTIFIED}, "request")
    name, token, serial = found[_NAME], found.get(_TOKEN, ""), found.get(_SERIAL, "")
    if not isinstance(name, str) or not isinstance(token, str) or not isinstance(serial, str):
        raise _not("request")
    if len(name) > 64 or len(token) > TOKEN_CHARS or len(serial) > SERIAL_CHARS or not serial.isprintable():
        raise _not("request")
    certified = found.get(_CERTIFIED, [])
    chain = () if certified == [] else _chain(certified, "request")
    tls, signing = _bytes(found[_TLS], KEY_BYTES), _bytes(found[_SIGNING], KEY_BYTES)
    tls_proof, signing_proof = (_bytes(found[label], PROOF_BYTES) for label in (_TLS_PROOF, _SIGNING_PROOF))
    return Request(name, tls, signing, tls_proof, signing_proof, token, serial, chain)


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
