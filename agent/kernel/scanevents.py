# SPDX-License-Identifier: Apache-2.0
"""The end of a Wi-Fi scan, as nl80211 tells it to its multicast group `scan`."""

from __future__ import annotations

import errno
import socket
import time
from types import TracebackType
from typing import Final

from agent.kernel import netlink as nl
from agent.kernel.errors import NetlinkFormatError, TimedOutError, from_errno
from agent.kernel.genl import GENL_HEADER, NETLINK_GENERIC
from agent.kernel.nlsocket import SOL_NETLINK
from agent.kernel.wifirows import Attr

GROUP: Final = "scan"
NETLINK_ADD_MEMBERSHIP: Final = 1
CMD_NEW_SCAN_RESULTS: Final = 34
CMD_SCAN_ABORTED: Final = 35
ENDED: Final = {CMD_NEW_SCAN_RESULTS: True, CMD_SCAN_ABORTED: False}
MESSAGE: Final = 16384  # bytes read of one notification: it lists the frequencies, a few KiB at most


class ScanEvents:
    """Listens from when it is made, so that no end of a scan begun afterwards is missed. A context manager.

    Belongs to the network namespace of the process. KernelError where the kernel refuses.
    """

    def __init__(self, group: int) -> None:
        what = "listening for the end of a scan"
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC
            )
        except OSError as error:
            raise from_errno(error.errno or 0, what) from None
        try:
            self._socket.bind((0, 0))
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        except OSError as error:
            self._socket.close()
            raise from_errno(error.errno or 0, what) from None

    def __enter__(self) -> ScanEvents:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def wait(self, ifindex: int, timeout: float) -> bool:
        """Until a scan on this interface ends: True with results, False where it was broken off.

        TimedOutError after `timeout` seconds.
        """
        what = f"waiting for the scan on interface {ifindex}"
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                told, _, flags, sender = self._socket.recvmsg(MESSAGE)
            except TimeoutError:
                break
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue  # some were lost; the wait is bounded all the same
                raise from_errno(error.errno or 0, what) from None
            if sender[0] == 0 and not flags & socket.MSG_TRUNC:  # the kernel's own, and whole
                ended = scan_ended(told, ifindex)
                if ended is not None:
                    return ended
        raise TimedOutError(
            f"{what}: no end in {timeout:g} s", "the driver may be stuck; look at the kernel's log"
        )


def scan_ended(told: bytes, ifindex: int) -> bool | None:
    """What notifications say of a scan on this interface: True done, False broken off, None nothing."""
    for _, _, _, start, end in nl.messages(told, len(told)):
        if end - start < GENL_HEADER:
            raise NetlinkFormatError(f"a notification of {end - start} bytes")
        found = nl.attributes(told, start + GENL_HEADER, end)
        if told[start] in ENDED and nl.get_u32(told, found, Attr.IFINDEX) == ifindex:
            return ENDED[told[start]]
    return None
