# SPDX-License-Identifier: Apache-2.0
"""The wire format: what is packed is read back, what breaks the format is refused."""

import struct

import pytest

from agent.kernel import netlink as nl
from agent.kernel.errors import NetlinkFormatError


def walk(raw: bytes) -> nl.Attributes:
    return nl.attributes(raw, 0, len(raw))


def test_a_message_carries_its_length_type_flags_and_sequence() -> None:
    raw = nl.message(18, 5, 77, b"abcd")
    assert list(nl.messages(raw, len(raw))) == [(18, 5, 77, 16, 20)]


def test_messages_are_padded_to_four_bytes() -> None:
    raw = nl.message(18, 0, 1, b"abc") + b"\0" + nl.message(19, 0, 1, b"")
    assert [(kind, end - start) for kind, _, _, start, end in nl.messages(raw, len(raw))] == [
        (18, 3),
        (19, 0),
    ]


def test_attributes_read_back_what_was_packed() -> None:
    raw = nl.u8(1, 7) + nl.u16(2, 300) + nl.u32(3, 70_000) + nl.text(4, "bat0") + nl.attribute(5, b"")
    raw += (
        nl.attribute(6, struct.pack("=Q", 1 << 40))
        + nl.attribute(7, bytes.fromhex("0278300000ff"))
        + nl.u8(8, 226)
    )
    found = walk(raw)
    assert nl.get_u8(raw, found, 1) == 7
    assert nl.get_u16(raw, found, 2) == 300
    assert nl.get_u32(raw, found, 3) == 70_000
    assert nl.get_text(raw, found, 4) == "bat0"
    assert 5 in found
    assert nl.get_u64(raw, found, 6) == 1 << 40
    assert nl.get_mac(raw, found, 7) == "02:78:30:00:00:ff"
    assert nl.get_s8(raw, found, 8) == -30


def test_what_is_absent_is_none() -> None:
    for get in (
        nl.get_u8,
        nl.get_s8,
        nl.get_u16,
        nl.get_u32,
        nl.get_u64,
        nl.get_text,
        nl.get_mac,
        nl.get_bytes,
    ):
        assert get(b"", {}, 1) is None


def test_nested_attributes_are_found_without_their_flag() -> None:
    raw = nl.nested(18, nl.text(1, "veth"))
    inner = walk(raw)[18]
    assert nl.get_text(raw, nl.attributes(raw, *inner), 1) == "veth"


@pytest.mark.parametrize("get", [nl.get_u8, nl.get_u16, nl.get_u32, nl.get_u64, nl.get_mac])
def test_a_value_shorter_than_its_kind_is_refused(get: object) -> None:
    raw = nl.attribute(9, b"")
    with pytest.raises(NetlinkFormatError, match="attribute 9 has 0 bytes"):
        get(raw, walk(raw), 9)  # type: ignore[operator]


@pytest.mark.parametrize("length", [0, 3, 9, 0xFFFF])
def test_an_attribute_that_does_not_fit_is_refused(length: int) -> None:
    with pytest.raises(NetlinkFormatError, match=f"of {length} bytes where 8 are left"):
        walk(struct.pack("=HH4x", length, 1))


@pytest.mark.parametrize("length", [0, 15, 21, 0xFFFFFFFF])
def test_a_message_that_does_not_fit_is_refused(length: int) -> None:
    raw = struct.pack("=IHHII4x", length, 16, 0, 1, 0)
    with pytest.raises(NetlinkFormatError, match=f"message of {length} bytes where 20 are left"):
        list(nl.messages(raw, len(raw)))


def test_a_rest_that_is_no_message_is_refused() -> None:
    raw = nl.message(16, 0, 1, b"") + b"\1\2\3\4"
    with pytest.raises(NetlinkFormatError, match="4 bytes that are no message"):
        list(nl.messages(raw, len(raw)))


def test_text_is_cut_at_its_bound_and_shows_bytes_that_are_no_utf8() -> None:
    raw = nl.attribute(1, b"\xff" + b"a" * 400)
    assert nl.get_text(raw, walk(raw), 1) == "\ufffd" + "a" * 255


def test_a_value_that_does_not_fit_its_attribute_is_the_callers_mistake() -> None:
    with pytest.raises(OverflowError):
        nl.u32(1, -1)
    with pytest.raises(ValueError, match="at most 65531"):
        nl.attribute(1, bytes(65_532))


@pytest.mark.parametrize("mac", ["", "02:78:30:00:00", "02:78:30:00:00:0g", "0278:30:00:00:01:2"])
def test_what_is_no_mac_address_is_refused(mac: str) -> None:
    with pytest.raises(ValueError):
        nl.mac_bytes(mac)
