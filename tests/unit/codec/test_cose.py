# SPDX-License-Identifier: Apache-2.0
"""COSE: what is signed is exactly what is read, for one purpose only."""

import hashlib
import hmac

import pytest

from agent.codec import cbor, cose
from agent.codec.errors import CodecError

KEY = bytes(range(32))
PURPOSE = b"x0 test"


def signed(key_id: bytes = b"", chain: tuple[bytes, ...] = ()) -> bytes:
    return cose.sign1(
        b"payload",
        algorithm="ML-DSA-65",
        sign=lambda message: hashlib.sha256(message).digest(),
        purpose=PURPOSE,
        key_id=key_id,
        chain=chain,
    )


def test_the_signed_bytes_are_the_sig_structure_of_rfc_9052() -> None:
    read = cose.read_sign1(signed(key_id=b"kid"), 1000)
    assert read.to_be_signed(PURPOSE) == cbor.encode(["Signature1", read.protected, PURPOSE, b"payload"])
    assert hashlib.sha256(read.to_be_signed(PURPOSE)).digest() == read.signature
    assert read.to_be_signed(b"another") != read.to_be_signed(PURPOSE)
    assert cbor.decode(read.protected, 100) == {1: -49, 4: b"kid"}


@pytest.mark.parametrize("chain", [(), (b"one",), (b"one", b"two")])
def test_certificates_travel_in_the_form_of_rfc_9360(chain: tuple[bytes, ...]) -> None:
    read = cose.read_sign1(signed(chain=chain), 1000)
    assert (read.chain, read.payload, read.algorithm) == (chain, b"payload", "ML-DSA-65")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "algorithm None"),
        ({1: -7}, "algorithm -7"),
        ({1: "ML-DSA-65"}, "algorithm"),
        ({1: -49, 2: [99]}, "header 2"),
        ({1: -49, 99: 1}, "header 99"),
        ({1: -49, 4: "text"}, "key's id"),
        ({1: -49, 4: b"x" * 65}, "key's id"),
        ({1: -49, 33: [b"a"]}, "RFC 9360"),
        ({1: -49, 33: [b"a"] * 4}, "RFC 9360"),
        ({1: -49, 33: 5}, "RFC 9360"),
        ({1: -49, 33: [b"a", 1]}, "no byte string"),
        ([], "no map"),
    ],
)
def test_other_headers_are_refused(headers: object, why: str) -> None:
    data = cbor.encode(cbor.Tag(18, [cbor.encode(headers), {}, b"p", b"s"]))
    with pytest.raises(CodecError, match=why):
        cose.read_sign1(data, 1000)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (cbor.Tag(18, [b"", {}, b"p"]), "array of four"),
        (cbor.Tag(18, {1: 2}), "array of four"),
        ([b"", {}, b"p", b"s"], "array of four"),
        (cbor.Tag(18, [b"\xa1\1\x38\x30", {4: b"kid"}, b"p", b"s"]), "unprotected"),
        (cbor.Tag(18, [b"\xa1\1\x38\x30", {}, None, b"s"]), "byte strings"),
        (cbor.Tag(17, [b"\xa1\1\5", {}, b"p", b"s"]), "tag 17"),
    ],
)
def test_other_forms_are_refused(value: object, why: str) -> None:
    with pytest.raises(CodecError, match=why):
        cose.read_sign1(cbor.encode(value), 1000)


def test_a_mac_is_hmac_sha_256_over_the_mac_structure() -> None:
    data = cose.mac0(b"payload", key=KEY, purpose=PURPOSE)
    read = cose.read_mac0(data, 1000)
    structure = cbor.encode(["MAC0", read.protected, PURPOSE, b"payload"])
    assert read.tag == hmac.new(KEY, structure, hashlib.sha256).digest()
    assert cose.mac_matches(read, key=KEY, purpose=PURPOSE)


def test_a_mac_of_another_key_purpose_or_text_does_not_match() -> None:
    read = cose.read_mac0(cose.mac0(b"payload", key=KEY, purpose=PURPOSE), 1000)
    assert not cose.mac_matches(read, key=KEY[::-1], purpose=PURPOSE)
    assert not cose.mac_matches(read, key=KEY, purpose=b"another")
    assert not cose.mac_matches(read._replace(payload=b"other"), key=KEY, purpose=PURPOSE)
    assert not cose.mac_matches(read._replace(tag=read.tag[:16]), key=KEY, purpose=PURPOSE)


def test_a_short_mac_key_is_refused_and_so_are_other_headers() -> None:
    with pytest.raises(CodecError, match="at least 32"):
        cose.mac0(b"p", key=b"short", purpose=PURPOSE)
    with pytest.raises(CodecError, match="HMAC 256/256"):
        cose.read_mac0(cbor.encode(cbor.Tag(17, [cbor.encode({1: 4}), {}, b"p", b"t"])), 100)
