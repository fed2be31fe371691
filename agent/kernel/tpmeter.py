# SPDX-License-Identifier: Apache-2.0
"""batman-adv's throughput meter (net/batman-adv/tp_meter.c): a test between two nodes, by their kernels.

It sends as fast as the way carries for the time asked, in full packets, acknowledged by the other kernel.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Final

import msgspec

from agent.kernel import netlink as nl
from agent.kernel.errors import KernelError, NetlinkFormatError, RefusedError, TimedOutError, from_errno
from agent.kernel.genl import GENL_HEADER, NETLINK_GENERIC, Family
from agent.kernel.nlsocket import SOL_NETLINK

CMD_TP_METER: Final = 2
CMD_TP_METER_CANCEL: Final = 3
ATTR_MESH_IFINDEX: Final = 3
ATTR_ORIG_ADDRESS: Final = 9
ATTR_RESULT: Final = 10
ATTR_TEST_TIME: Final = 11
ATTR_BYTES: Final = 12
ATTR_COOKIE: Final = 13
GROUP: Final = "tpmeter"
NETLINK_ADD_MEMBERSHIP: Final = 1
MESSAGE: Final = 4096  # bytes of one notification: four attributes
GRACE_S: Final = 10.0  # beyond the test's time: the kernel gives up by itself after 10 resends
COMPLETE: Final = 3  # enum batadv_tp_meter_reason
REASONS: Final = {
    4: "it was cancelled",
    0x80: "the other node cannot be reached",
    0x81: "the other node did not answer",
    0x82: "a test to it is under way",
    0x83: "the kernel has no memory for it",
    0x84: "the kernel cannot send",
    0x85: "too many tests are under way",
}


class Carried(msgspec.Struct, frozen=True):
    """What a test carried: payload bytes in so many milliseconds."""

    octets: int
    milliseconds: int

    @property
    def kbit(self) -> int:
        """kbit/s."""
        return self.octets * 8 // max(1, self.milliseconds)


class TpMeter:
    """Blocking; belongs to the network namespace of the process at the first call. KernelError."""

    def __init__(self) -> None:
        self._family = Family("batadv", "batman-adv")

    def run(self, mesh_index: int, originator: str, milliseconds: int) -> Carried:
        """Test the way to a node as batman-adv would send to it. TimedOutError, RefusedError with why."""
        what = f"testing the way to {originator}"
        mesh = nl.u32(ATTR_MESH_IFINDEX, mesh_index)
        mac = nl.attribute(ATTR_ORIG_ADDRESS, nl.mac_bytes(originator))
        with _listen(self._family.group(GROUP), what) as told:  # first: a refusal is told at once
            asked = mesh + mac + nl.u32(ATTR_TEST_TIME, milliseconds)
            answer = self._family.request(CMD_TP_METER, asked, what)
            answer = answer or b""
            cookie = nl.get_u32(answer, nl.attributes(answer, 0, len(answer)), ATTR_COOKIE)
            if cookie is None:
                raise NetlinkFormatError(f"{what}: the answer names no test")
            try:
                return _result(told, cookie, milliseconds / 1000 + GRACE_S, what)
            except TimedOutError:
                self._cancel(mesh + mac)
                raise

    def close(self) -> None:
        """Close the socket."""
        self._family.close()

    def _cancel(self, payload: bytes) -> None:
        try:
            self._family.request(CMD_TP_METER_CANCEL, payload, "ending a test")
        except KernelError:
            return  # it has ended by itself


def _listen(group: int, what: str) -> socket.socket:
    try:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
    except OSError as error:
        raise from_errno(error.errno or 0, what) from None
    try:
        made.bind((0, 0))
        made.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    except OSError as error:
        made.close()
        raise from_errno(error.errno or 0, what) from None
    return made


def _result(told: socket.socket, cookie: int, timeout: float, what: str) -> Carried:
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        told.settimeout(left)
        try:
            data, _, flags, sender = told.recvmsg(MESSAGE)
        except TimeoutError:
            break
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                continue  # the wait is bounded all the same
            raise from_errno(error.errno or 0, what) from None
        if sender[0] == 0 and not flags & socket.MSG_TRUNC:  # the kernel's own, and whole
            found = decode(data, cookie, what)
            if found is not None:
                return found
    raise TimedOutError(f"{what}: no result in {timeout:g} s", "it is tried again later")


def decode(data: bytes, cookie: int, what: str) -> Carried | None:
    """The result of this test among notifications, None where it is not there. RefusedError: it failed."""
    for _, _, _, start, end in nl.messages(data, len(data)):
        if end - start < GENL_HEADER:
            raise NetlinkFormatError(f"{what}: a notification of {end - start} bytes")
        found = nl.attributes(data, start + GENL_HEADER, end)
        if data[start] != CMD_TP_METER or nl.get_u32(data, found, ATTR_COOKIE) != cookie:
            continue
        reason = nl.get_u8(data, found, ATTR_RESULT)
        if reason != COMPLETE:
            why = REASONS.get(reason or 0, f"reason {reason}")
            raise RefusedError(f"{what}: {why}", "it is tried again later", 0)
        octets, spent = nl.get_u64(data, found, ATTR_BYTES), nl.get_u32(data, found, ATTR_TEST_TIME)
        if octets is None or not spent:
            raise NetlinkFormatError(f"{what}: a result without bytes or time")
        return Carried(octets, spent)
    return None
