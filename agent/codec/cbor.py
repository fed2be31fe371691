# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR (RFC 8949, 4.2.1) of the few types that are signed: one value, one encoding.

Integers of 64 bits, byte and text strings, arrays, maps with integer or text keys, true, false, null, and
tags the caller names. No floats (many encodings, no exact equality), no indefinite lengths. The decoder
refuses whatever the encoder would not have written, so equal values have equal bytes and a signature can be
checked on the bytes as they came. Why not a library: docs/decisions/0009-identity.md.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, TypeAlias

from agent.codec.errors import CodecError

MAX_DEPTH = 16  # containers inside each other; our messages need six
MAX_ITEMS = 65_536  # values in one message: bounds memory beside the bytes themselves

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)  # major types
FALSE, TRUE, NULL = 20, 21, 22
INT_MAX, INT_MIN = 2**64 - 1, -(2**64)

Value: TypeAlias = "int | bytes | str | bool | Tag | list[Value] | dict[int | str, Value] | None"


class Tag(NamedTuple):
    """A tagged value."""

    number: int
    value: Value


def encode(value: object) -> bytes:
    """The one encoding of a value. CodecError where the value has none: a float, a loop, another type."""
    out = bytearray()
    _write(out, value, 0)
    return bytes(out)


def decode(data: bytes, max_bytes: int, tags: frozenset[int] = frozenset()) -> Value:
    """The value of `data`, of at most `max_bytes`; only the named tags may occur. CodecError otherwise."""
    if len(data) > max_bytes:
        raise CodecError(f"{len(data)} bytes, at most {max_bytes} are read")
    reader = _Reader(bytes(data), tags)
    value = reader.value(0)
    if reader.at != len(data):
        raise CodecError(f"{len(data) - reader.at} bytes after the end of the value")
    return value


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for code, form, bound in ((24, ">B", 2**8), (25, ">H", 2**16), (26, ">I", 2**32), (27, ">Q", 2**64)):
        if number < bound:
            return bytes((major << 5 | code,)) + struct.pack(form, number)
    raise CodecError(f"the number {number} has more than 64 bits")


def _write(out: bytearray, value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise CodecError(f"more than {MAX_DEPTH} containers inside each other")
    if value is None or value is True or value is False:
        out += bytes((SIMPLE << 5 | (NULL if value is None else TRUE if value else FALSE),))
    elif isinstance(value, int):
        out += _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out += _head(BYTES, len(value))
        out += value
    elif isinstance(value, str):
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise CodecError("a text with half a surrogate pair has no UTF-8") from None
        out += _head(TEXT, len(raw))
        out += raw
    elif isinstance(value, Tag):
        out += _head(TAG, value.number)
        _write(out, value.value, depth + 1)
    elif isinstance(value, (list, tuple)):
        out += _head(ARRAY, len(value))
        for item in value:
            _write(out, item, depth + 1)
    elif isinstance(value, dict):
        out += _head(MAP, len(value))
        for raw, key in sorted((_key(key), key) for key in value):  # no two keys have the same bytes
            out += raw
            _write(out, value[key], depth + 1)
    else:
        raise CodecError(f"a {type(value).__name__} has no encoding here")


def _key(key: object) -> bytes:
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        raise CodecError(f"a {type(key).__name__} is no key of a map here")
    out = bytearray()
    _write(out, key, 0)
    return bytes(out)


class _Reader:
    __slots__ = ("at", "data", "items", "tags")

    def __init__(self, data: bytes, tags: frozenset[int]) -> None:
        self.data, self.tags, self.at, self.items = data, tags, 0, 0

    def value(self, depth: int) -> Value:
        start = self.at
        self.items += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"at byte {start}: more than {MAX_DEPTH} containers inside each other")
        if self.items > MAX_ITEMS:
            raise CodecError(f"at byte {start}: more than {MAX_ITEMS} values")
        major, number = self.head()
        if major == UNSIGNED:
            return number
        if major == NEGATIVE:
            return -1 - number
        if major == BYTES:
            return self.take(number)
        if major == TEXT:
            try:
                return self.take(number).decode()
            except UnicodeDecodeError:
                raise CodecError(f"at byte {start}: a text that is no UTF-8") from None
        if major == ARRAY:
            self.fits(number)
            return [self.value(depth + 1) for _ in range(number)]
        if major == MAP:
            self.fits(number * 2)
            return self.map(number, depth)
        if major == TAG:
            if number not in self.tags:
                raise CodecError(f"at byte {start}: tag {number} is not expected here")
            return Tag(number, self.value(depth + 1))
        if number == NULL:
            return None
        if number in (TRUE, FALSE):
            return number == TRUE
        raise CodecError(f"at byte {start}: a float or simple value we do not take")

    def map(self, count: int, depth: int) -> dict[int | str, Value]:
        found: dict[int | str, Value] = {}
        before = b""
        for _ in range(count):
            start = self.at
            key = self.value(depth + 1)
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise CodecError(f"at byte {start}: a key that is neither integer nor text")
            raw = self.data[start : self.at]
            if raw <= before:
                raise CodecError(f"at byte {start}: a key twice or out of order")
            before = raw
            found[key] = self.value(depth + 1)
        return found

    def head(self) -> tuple[int, int]:
        start = self.at
        first = self.take(1)[0]
        major, code = first >> 5, first & 31
        if code < 24:
            return major, code
        if code > 27 or major == SIMPLE:
            raise CodecError(f"at byte {start}: an indefinite length, a float or a reserved form")
        size = 1 << (code - 24)
        number = int.from_bytes(self.take(size), "big")
        if number < 24 or (size > 1 and number < 1 << (size * 4)):
            raise CodecError(f"at byte {start}: a number in more bytes than it needs")
        return major, number

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise CodecError(f"at byte {self.at}: {count} bytes announced, {len(self.data) - self.at} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def fits(self, count: int) -> None:
        """Refuses a container that says it holds more than could follow, before anything is made for it."""
        if count > len(self.data) - self.at:
            raise CodecError(
                f"at byte {self.at}: {count} values announced, {len(self.data) - self.at} bytes left"
            )
