# SPDX-License-Identifier: Apache-2.0
"""COSE_Sign1 and COSE_Mac0 with embedded payload (RFC 9052); ML-DSA by RFC 9964, certificates by RFC 9360.

The codec makes and checks the form; keys stay with the caller. `purpose` is COSE's external_aad: a signature
made for one purpose is none for another, though payloads look alike.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agent.codec import cbor
from agent.codec.errors import CodecError

SIGN1, MAC0 = 18, 17  # CBOR tags
ALGORITHM, CRITICAL, CONTENT_TYPE, KEY_ID, X5CHAIN = 1, 2, 3, 4, 33  # header labels
ML_DSA = {"ML-DSA-65": -49, "ML-DSA-87": -50}  # RFC 9964
HMAC_256 = 5  # HMAC 256/256: HMAC-SHA-256 with the whole tag
_NAMES = {number: name for name, number in ML_DSA.items()}
KEY_ID_BYTES = 64  # ours are SHA-256; a little room for others
CHAIN = 3  # certificates in a header, as in TLS
MAC_KEY_BYTES = 32  # RFC 2104: not less than the hash gives


class Sign1(NamedTuple):
    """A signed message, its signature not yet checked. `protected` and `payload` are as they came."""

    protected: bytes
    algorithm: str
    key_id: bytes
    chain: tuple[bytes, ...]
    payload: bytes
    signature: bytes

    def to_be_signed(self, purpose: bytes) -> bytes:
        """The bytes the signature covers (Sig_structure)."""
        return cbor.encode(["Signature1", self.protected, purpose, self.payload])


class Mac0(NamedTuple):
    """A message with a tag, not yet checked."""

    protected: bytes
    payload: bytes
    tag: bytes


def sign1(
    payload: bytes,
    *,
    algorithm: str,
    sign: Callable[[bytes], bytes],
    purpose: bytes,
    key_id: bytes = b"",
    chain: Sequence[bytes] = (),
) -> bytes:
    """A COSE_Sign1. `sign` signs with a key of `algorithm`; `chain` is DER, signer first."""
    headers: dict[int | str, object] = {ALGORITHM: ML_DSA[algorithm]}
    if key_id:
        headers[KEY_ID] = key_id
    if chain:
        headers[X5CHAIN] = chain[0] if len(chain) == 1 else list(chain)
    protected = cbor.encode(headers)
    draft = Sign1(protected, algorithm, key_id, tuple(chain), payload, b"")
    signature = sign(draft.to_be_signed(purpose))
    return cbor.encode(cbor.Tag(SIGN1, [protected, {}, payload, signature]))


def read_sign1(data: bytes, max_bytes: int) -> Sign1:
    """A COSE_Sign1's parts. CodecError where it is none as sign1 makes it."""
    protected, payload, signature = _parts(data, max_bytes, SIGN1)
    headers = _headers(protected)
    number, key_id, chain = headers.pop(ALGORITHM, None), headers.pop(KEY_ID, b""), headers.pop(X5CHAIN, [])
    if headers:
        raise CodecError(f"header {next(iter(headers))} is not one we take")
    if type(number) is not int or number not in _NAMES:
        raise CodecError(f"algorithm {number!r} is none of {', '.join(ML_DSA)}")
    if not isinstance(key_id, bytes) or len(key_id) > KEY_ID_BYTES:
        raise CodecError("the key's id is no byte string, or too long")
    certificates = [chain] if isinstance(chain, bytes) else chain
    if (
        not isinstance(certificates, list)
        or len(certificates) > CHAIN
        or (len(certificates) == 1) != isinstance(chain, bytes)
    ):
        raise CodecError(f"the certificates are not in the form of RFC 9360, or more than {CHAIN}")
    ders = tuple(each for each in certificates if isinstance(each, bytes))
    if len(ders) != len(certificates):
        raise CodecError("a certificate in the header is no byte string")
    return Sign1(protected, _NAMES[number], key_id, ders, payload, signature)


def mac0(payload: bytes, *, key: bytes, purpose: bytes) -> bytes:
    """A COSE_Mac0 with HMAC-SHA-256."""
    protected = cbor.encode({ALGORITHM: HMAC_256})
    return cbor.encode(cbor.Tag(MAC0, [protected, {}, payload, _tag(key, protected, purpose, payload)]))


def read_mac0(data: bytes, max_bytes: int) -> Mac0:
    """A COSE_Mac0's parts; to be checked with `mac_matches`. CodecError where it is none as mac0 makes it."""
    protected, payload, tag = _parts(data, max_bytes, MAC0)
    if _headers(protected) != {ALGORITHM: HMAC_256}:
        raise CodecError("the headers are not those of HMAC 256/256")
    return Mac0(protected, payload, tag)


def mac_matches(message: Mac0, *, key: bytes, purpose: bytes) -> bool:
    """Was the tag made with this key, for this purpose? Takes the same time either way."""
    return hmac.compare_digest(_tag(key, message.protected, purpose, message.payload), message.tag)


def _tag(key: bytes, protected: bytes, purpose: bytes, payload: bytes) -> bytes:
    if len(key) < MAC_KEY_BYTES:
        raise CodecError(f"a MAC key of {len(key)} bytes, at least {MAC_KEY_BYTES} are needed")
    return hmac.new(key, cbor.encode(["MAC0", protected, purpose, payload]), hashlib.sha256).digest()


def _parts(data: bytes, max_bytes: int, tag: int) -> tuple[bytes, bytes, bytes]:
    found = cbor.decode(data, max_bytes, frozenset((tag,)))
    if not isinstance(found, cbor.Tag) or not isinstance(found.value, list) or len(found.value) != 4:
        raise CodecError(f"no array of four under tag {tag}")
    protected, unprotected, payload, seal = found.value
    if not isinstance(protected, bytes) or not isinstance(payload, bytes) or not isinstance(seal, bytes):
        raise CodecError("headers, payload and signature are not all byte strings")
    if unprotected != {}:
        raise CodecError("unprotected headers: nothing that counts may stand where nobody signed it")
    return protected, payload, seal


def _headers(protected: bytes) -> dict[int | str, cbor.Value]:
    found = cbor.decode(protected, len(protected))
    if not isinstance(found, dict):
        raise CodecError("the protected headers are no map")
    return found
