# SPDX-License-Identifier: Apache-2.0
"""Statistics' names and values fit each other or are refused."""

import struct

import pytest

from agent.kernel.errors import NetlinkFormatError
from agent.kernel.ethtool import decode


def names(count: int, *words: bytes) -> bytes:
    return struct.pack("=III", 0x1B, 1, count) + b"".join(word.ljust(32, b"\0") for word in words)


def values(count: int, *numbers: int) -> bytes:
    return struct.pack(f"=II{len(numbers)}Q", 0x1D, count, *numbers)


def test_names_and_values_are_paired() -> None:
    assert decode(names(2, b"tx", b"rx\xff"), values(2, 5, 1 << 60)) == {"tx": 5, "rx\ufffd": 1 << 60}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (names(2, b"tx", b"rx"), values(1, 5)),  # exchanged between the two calls
        (names(2, b"tx"), values(2, 5, 6)),
        (names(2, b"tx", b"rx"), values(2, 5)),
        (b"", b""),
        (names(0xFFFFFFFF), values(0xFFFFFFFF)),
    ],
)
def test_what_does_not_fit_is_refused(left: bytes, right: bytes) -> None:
    with pytest.raises(NetlinkFormatError):
        decode(left, right)
