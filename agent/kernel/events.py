# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells by itself: interface changes (rtnetlink) and device events (uevents).

Sockets never block: use `fileno()` with the event loop's `add_reader`, then `drain()`.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

import msgspec

from agent.kernel import linkrows
from agent.kernel import netlink as nl
from agent.kernel.errors import NetlinkFormatError, from_errno
from agent.kernel.links import NETLINK_ROUTE, RTM_DELLINK, RTM_NEWLINK
from agent.readings import Link

NETLINK_KOBJECT_UEVENT: Final = 15
GROUP_LINK: Final = 1  # RTMGRP_LINK
GROUP_KERNEL: Final = 1  # uevents of the kernel; group 2 is udev's
MESSAGE: Final = 16384  # bytes of one notification that are read: a link's is under 3 KiB
MAX_BATCH: Final = 256  # notifications per drain: a flapping device must not hold the loop
MAX_FIELDS: Final = 64  # KEY=VALUE pairs of an uevent (the kernel's own bound, UEVENT_NUM_ENVP)
QUEUE: Final = 262144  # bytes the kernel queues for us while the loop is busy


class _Listener:
    """A multicast netlink socket, read without blocking; only the kernel's own messages count."""

    def __init__(self, protocol: int, groups: int, what: str) -> None:
        self.overruns = 0  # how often notifications were lost: whoever listens reads everything anew
        self._what = what
        self._buffer = bytearray(MESSAGE)
        try:
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        except OSError as error:
            raise from_errno(error.errno or 0, what) from None
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE)
            sock.bind((0, groups))
        except OSError as error:
            sock.close()
            raise from_errno(error.errno or 0, what) from None
        self._socket = sock

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _next(self) -> int | None:
        """Size of the next message in the buffer; 0: to be skipped; None: there is no more."""
        try:
            size, sender = self._socket.recvfrom_into(self._buffer, MESSAGE, socket.MSG_TRUNC)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise from_errno(error.errno or 0, self._what) from None
            self.overruns += 1
            return 0
        if size > MESSAGE:
            self.overruns += 1
            return 0
        return size if sender[0] == 0 else 0


class LinkEvents(_Listener):
    """Changes of interfaces. After `overruns` has grown, read all links anew."""

    def __init__(self) -> None:
        super().__init__(NETLINK_ROUTE, GROUP_LINK, "listening for interface changes")

    def drain(self) -> tuple[Link, ...]:
        """What has changed since, oldest first, at most MAX_BATCH; a deleted link comes with index 0."""
        found: list[Link] = []
        for _ in range(MAX_BATCH):
            size = self._next()
            if size is None:
                break
            try:
                found.extend(link_changes(self._buffer, size))
            except NetlinkFormatError:
                self.overruns += 1  # something was said that we cannot read: as good as lost
        return tuple(found)


class UEvents(_Listener):
    """Device events of the kernel, e.g. {"ACTION": "add", "SUBSYSTEM": "net", "INTERFACE": "wlan0", ...}."""

    def __init__(self) -> None:
        super().__init__(NETLINK_KOBJECT_UEVENT, GROUP_KERNEL, "listening for device events")

    def drain(self) -> tuple[dict[str, str], ...]:
        """What has come since, oldest first, at most MAX_BATCH."""
        found: list[dict[str, str]] = []
        for _ in range(MAX_BATCH):
            size = self._next()
            if size is None:
                break
            event = uevent(bytes(self._buffer[:size]))
            if event:
                found.append(event)
        return tuple(found)


def link_changes(buffer: bytearray | bytes, size: int) -> list[Link]:
    """The link notifications in one received message. NetlinkFormatError."""
    found: list[Link] = []
    for kind, _flags, _sequence, start, end in nl.messages(buffer, size):
        if kind not in {RTM_NEWLINK, RTM_DELLINK} or end <= start or buffer[start] != socket.AF_UNSPEC:
            continue  # another family's view of the link (a bridge's): its DELLINK deletes nothing
        link = linkrows.link(buffer, start, end)
        if kind == RTM_DELLINK:
            found.append(msgspec.structs.replace(link, index=0, admin_up=False, carrier=False))
        elif link.mtu:  # without: a wireless extension event, which says nothing of the link
            found.append(link)
    return found


def uevent(raw: bytes) -> dict[str, str]:
    """One uevent's KEY=VALUE pairs, at most MAX_FIELDS; {} for what is not the kernel's."""
    head, *fields = raw.split(b"\0", MAX_FIELDS + 1)
    if b"@" not in head:
        return {}
    pairs = (field.partition(b"=") for field in fields[:MAX_FIELDS] if b"=" in field)
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, _, value in pairs}
