# SPDX-License-Identifier: Apache-2.0
"""The results of batman-adv's throughput meter, as bytes from the kernel."""

from __future__ import annotations

import struct

import pytest

from agent.kernel import netlink as nl
from agent.kernel.errors import KernelError, NetlinkFormatError, RefusedError
from agent.kernel.tpmeter import ATTR_BYTES, ATTR_COOKIE, ATTR_RESULT, ATTR_TEST_TIME, CMD_TP_METER, decode

COOKIE = 0xC0FFEE


def told(
    result: int = 3, octets: int | None = 1_000_000, spent: int = 2000, cookie: int = COOKIE, command: int = 2
) -> bytes:
    payload = struct.pack("=BBH", command, 1, 0) + nl.u32(ATTR_COOKIE, cookie) + nl.u8(ATTR_RESULT, result)
    payload += nl.u32(ATTR_TEST_TIME, spent)
    if octets is not None:
        payload += nl.attribute(ATTR_BYTES, struct.pack("=Q", octets))
    return nl.message(0x20, 0, 0, payload)


def test_a_complete_test_gives_bytes_time_and_speed() -> None:
    found = decode(told(), COOKIE, "testing")
    assert found is not None
    assert (found.octets, found.milliseconds, found.kbit) == (1_000_000, 2000, 4000)


def test_other_tests_and_other_messages_are_passed_over() -> None:
    assert decode(told(cookie=1) + told(command=CMD_TP_METER + 1), COOKIE, "testing") is None
    assert decode(told(cookie=1) + told(), COOKIE, "testing") is not None


@pytest.mark.parametrize(
    ("reason", "said"), [(0x80, "cannot be reached"), (0x81, "did not answer"), (4, "cancelled"), (99, "99")]
)
def test_a_test_that_failed_says_why(reason: int, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        decode(told(result=reason), COOKIE, "testing")


@pytest.mark.parametrize("data", [told(octets=None), told(spent=0), b"\x11", nl.message(0x20, 0, 0, b"\x02")])
def test_nonsense_is_a_format_error(data: bytes) -> None:
    with pytest.raises(NetlinkFormatError):
        decode(data, COOKIE, "testing")


def test_cut_notifications_raise_nothing_but_kernel_errors() -> None:
    whole = told()
    for size in range(len(whole)):
        try:
            assert decode(whole[:size], COOKIE, "testing") is None
        except KernelError:
            continue
