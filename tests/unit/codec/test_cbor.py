# SPDX-License-Identifier: Apache-2.0
"""One value, one encoding; everything else is refused."""

import pytest

from agent.codec import cbor
from agent.codec.errors import CodecError

# RFC 8949, appendix A: those of our types.
APPENDIX_A = [
    (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"), (1000, "1903e8"),
    (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"), (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"),
    (False, "f4"), (True, "f5"),
    (None, "f6"), (b"", "40"), (b"\1\2\3\4", "4401020304"), ("", "60"), ("a", "6161"),

    ("IETF", "6449455446"), ('"\\', "62225c"), ("\u00fc", "62c3bc"), ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    ([], "80"), ([1, 2, 3], "83010203"), ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"), ({1: 2, 3: 4}, "a201020304"), ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (["a", {"b": "c"}], "826161a161626163"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "encoded"), APPENDIX_A, ids=lambda v: str(v)[:24])
def test_the_examples_of_rfc_8949_read_and_write(value: object, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    assert cbor.decode(bytes.fromhex(encoded), 100) == value


def test_keys_are_ordered_by_their_bytes_as_rfc_8949_4_2_1_has_it() -> None:
    value: dict[int | str, object] = {"aa": 7, 100: 2, "z": 6, -1: 3, 10: 1}
    assert cbor.encode(value).hex() == "a5" "0a01" "186402" "2003" "617a06" "62616107"  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("1817", "more bytes than it needs"),
        ("190017", "more bytes than it needs"),
        ("1900ff", "more bytes than it needs"),
        ("1a0000ffff", "more bytes than it needs"),
        ("1b00000000ffffffff", "more bytes than it needs"),
        ("5801aa", "more bytes than it needs"),
        ("9f01ff", "indefinite"),
        ("5f4101ff", "indefinite"),
        ("bf0102ff", "indefinite"),
        ("f93c00", "float"),
        ("fb3ff0000000000000", "float"),
        ("f7", "simple value"),
        ("f0", "simple value"),
        ("f815", "reserved form"),
        ("1c", "reserved form"),
        ("a201010102", "twice or out of order"),
        ("a202000100", "twice or out of order"),
        ("a1f500", "neither integer nor text"),
        ("a1410000", "neither integer nor text"),
        ("a18000", "neither integer nor text"),
        ("c000", "tag 0"),
        ("c249010000000000000000", "tag 2"),
        ("61ff", "UTF-8"),
        ("62edbf", "UTF-8"),
        ("", "announced"),
        ("18", "announced"),
        ("5affffffff", "announced"),
        ("9affffffff", "announced"),
        ("bb0fffffffffffffff", "announced"),
        ("0000", "after the end"),
    ],
)
def test_what_the_encoder_would_not_write_is_refused(data: str, why: str) -> None:
    with pytest.raises(CodecError, match=why):
        cbor.decode(bytes.fromhex(data), 1000)


def test_nesting_is_bounded_in_both_directions() -> None:
    deep: object = 0
    for _ in range(cbor.MAX_DEPTH):
        deep = [deep]
    assert cbor.decode(cbor.encode(deep), 100) == deep
    with pytest.raises(CodecError, match="inside each other"):
        cbor.encode([deep])
    with pytest.raises(CodecError, match="inside each other"):
        cbor.decode(b"\x81" * 100_000 + b"\0", 200_000)


def test_bytes_and_values_are_bounded() -> None:
    with pytest.raises(CodecError, match="at most 3"):
        cbor.decode(b"\x83abc", 3)
    with pytest.raises(CodecError, match="more than 65536 values"):
        cbor.decode(b"\x9a" + (70_000).to_bytes(4, "big") + b"\0" * 70_000, 100_000)


def test_only_the_tags_asked_for_are_read() -> None:
    tagged = cbor.Tag(18, [1])
    assert cbor.decode(cbor.encode(tagged), 10, frozenset((18,))) == tagged
    with pytest.raises(CodecError, match="tag 18"):
        cbor.decode(cbor.encode(tagged), 10, frozenset((17,)))


@pytest.mark.parametrize(
    "value", [1.5, {1.5: 1}, {True: 1}, {b"a": 1}, 2**64, -(2**64) - 1, {1, 2}, "\ud800", object()]
)
def test_what_has_no_encoding_is_refused(value: object) -> None:
    with pytest.raises(CodecError):
        cbor.encode(value)
