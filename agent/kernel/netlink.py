# SPDX-License-Identifier: Apache-2.0
"""Netlink's wire format, pure: build requests, walk answers in place without copying them.

Layout (linux/netlink.h, host byte order): a message is a 16-byte header and a payload, an attribute a 4-byte
header and a value; both are padded to 4 bytes. Whatever breaks this raises NetlinkFormatError, nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from struct import Struct
from typing import Final

from agent.kernel.errors import NetlinkFormatError

NLM_F_REQUEST: Final = 0x1
NLM_F_ACK: Final = 0x4
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_DUMP: Final = 0x300
NLM_F_CAPPED: Final = 0x100
NLM_F_ACK_TLVS: Final = 0x200
NLMSG_NOOP: Final = 1
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLMSGERR_ATTR_MSG: Final = 1
NLA_F_NESTED: Final = 0x8000
NLA_TYPE_MASK: Final = 0x3FFF

HEADER: Final = Struct("=IHHII")  # length, type, flags, sequence, port
ATTRIBUTE: Final = Struct("=HH")  # length, type
U16: Final = Struct("=H")
U32: Final = Struct("=I")
U64: Final = Struct("=Q")
S32: Final = Struct("=i")
MAX_ATTRIBUTE: Final = 0xFFFF - 4  # what the 16-bit length can say
MAX_TEXT: Final = 256  # no name or message of the kernel that we read is longer; longer ones are cut

Attributes = dict[int, tuple[int, int]]  # type > (offset of the value, offset behind it)
_header = HEADER.unpack_from
_attribute = ATTRIBUTE.unpack_from


def message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    """One netlink message with its header."""
    return HEADER.pack(16 + len(payload), kind, flags, sequence, 0) + payload


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded. ValueError: longer than the format can say."""
    size = len(value)
    if size > MAX_ATTRIBUTE:
        raise ValueError(f"attribute {kind} of {size} bytes: at most {MAX_ATTRIBUTE}")
    return ATTRIBUTE.pack(size + 4, kind) + value + bytes(-size & 3)


def text(kind: int, value: str) -> bytes:
    """A NUL-terminated string attribute."""
    return attribute(kind, value.encode() + b"\0")


def u8(kind: int, value: int) -> bytes:
    """A one-byte attribute."""
    return attribute(kind, bytes((value,)))


def u16(kind: int, value: int) -> bytes:
    """A 16-bit attribute."""
    return attribute(kind, value.to_bytes(2, sys.byteorder))


def u32(kind: int, value: int) -> bytes:
    """A 32-bit attribute. OverflowError: negative or too large (so for all above)."""
    return attribute(kind, value.to_bytes(4, sys.byteorder))


def nested(kind: int, *inner: bytes) -> bytes:
    """Attributes within an attribute."""
    return attribute(kind | NLA_F_NESTED, b"".join(inner))


def messages(buffer: bytearray | bytes, size: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The messages in the first `size` bytes: (type, flags, sequence, payload's offset, offset behind it)."""
    offset = 0
    while size - offset >= 16:
        length, kind, flags, sequence, _port = _header(buffer, offset)
        end = offset + length
        if length < 16 or end > size:
            raise NetlinkFormatError(f"netlink message of {length} bytes where {size - offset} are left")
        yield kind, flags, sequence, offset + 16, end
        offset = (end + 3) & ~3
    if offset < size:
        raise NetlinkFormatError(f"netlink answer ends in {size - offset} bytes that are no message")


def attributes(buffer: bytearray | bytes, start: int, end: int) -> Attributes:
    """The attributes between two offsets; of one that comes twice the last counts (as in the kernel)."""
    found: Attributes = {}
    while end - start >= 4:
        length, kind = _attribute(buffer, start)
        stop = start + length
        if length < 4 or stop > end:
            raise NetlinkFormatError(
                f"netlink attribute {kind} of {length} bytes where {end - start} are left"
            )
        found[kind & NLA_TYPE_MASK] = (start + 4, stop)
        start = (stop + 3) & ~3
    return found


def _value(found: Attributes, kind: int, size: int) -> int | None:
    place = found.get(kind)
    if place is None:
        return None
    if place[1] - place[0] < size:
        raise NetlinkFormatError(f"netlink attribute {kind} has {place[1] - place[0]} bytes, not {size}")
    return place[0]


def get_u8(buffer: bytearray | bytes, found: Attributes, kind: int) -> int | None:
    """A one-byte value, None where it is absent. NetlinkFormatError: too short (so for all below)."""
    at = _value(found, kind, 1)
    return None if at is None else buffer[at]


def get_s8(buffer: bytearray | bytes, found: Attributes, kind: int) -> int | None:
    """A signed one-byte value."""
    value = get_u8(buffer, found, kind)
    return value - 256 if value is not None and value > 127 else value


def get_u16(buffer: bytearray | bytes, found: Attributes, kind: int) -> int | None:
    """A 16-bit value."""
    at = _value(found, kind, 2)
    return None if at is None else int(U16.unpack_from(buffer, at)[0])


def get_u32(buffer: bytearray | bytes, found: Attributes, kind: int) -> int | None:
    """A 32-bit value."""
    at = _value(found, kind, 4)
    return None if at is None else int(U32.unpack_from(buffer, at)[0])


def get_u64(buffer: bytearray | bytes, found: Attributes, kind: int) -> int | None:
    """A 64-bit value."""
    at = _value(found, kind, 8)
    return None if at is None else int(U64.unpack_from(buffer, at)[0])


def get_bytes(buffer: bytearray | bytes, found: Attributes, kind: int) -> bytes | None:
    """A value as it is."""
    place = found.get(kind)
    return None if place is None else bytes(buffer[place[0] : place[1]])


def get_text(buffer: bytearray | bytes, found: Attributes, kind: int) -> str | None:
    """A string up to its NUL, at most MAX_TEXT bytes; bytes that are no UTF-8 are shown as U+FFFD."""
    place = found.get(kind)
    if place is None:
        return None
    raw = bytes(buffer[place[0] : min(place[1], place[0] + MAX_TEXT)])
    return raw.split(b"\0", 1)[0].decode(errors="replace")


def get_mac(buffer: bytearray | bytes, found: Attributes, kind: int) -> str | None:
    """A 6-byte MAC address as lower-case `aa:bb:cc:dd:ee:ff`."""
    at = _value(found, kind, 6)
    return None if at is None else buffer[at : at + 6].hex(":")


def mac_bytes(mac: str) -> bytes:
    """`aa:bb:cc:dd:ee:ff` as 6 bytes. ValueError: no MAC address."""
    parts = mac.split(":")
    if len(parts) != 6 or any(len(part) != 2 for part in parts):
        raise ValueError(f"{mac!r} is no MAC address like 02:78:30:00:00:01")
    return bytes(int(part, 16) for part in parts)
