# SPDX-License-Identifier: Apache-2.0
"""Generic netlink: a family found by name, its commands and tables."""

from __future__ import annotations

import errno
import socket
from struct import Struct
from typing import Final, TypeVar

from agent.kernel import netlink as nl
from agent.kernel.errors import FamilyMissingError, KernelError, NetlinkFormatError
from agent.kernel.nlsocket import TIMEOUT, NetlinkSocket, Row

NETLINK_GENERIC: Final = 16
GENL_ID_CTRL: Final = 0x10
CTRL_CMD_GETFAMILY: Final = 3
CTRL_ATTR_FAMILY_ID: Final = 1
CTRL_ATTR_FAMILY_NAME: Final = 2
CTRL_ATTR_MCAST_GROUPS: Final = 7
CTRL_ATTR_MCAST_GRP_NAME: Final = 1
CTRL_ATTR_MCAST_GRP_ID: Final = 2
MIN_FAMILY: Final = 0x10  # smaller numbers are netlink's own messages
HEADER: Final = Struct("=BBH")  # command, version, reserved

T = TypeVar("T")


class Family:
    """One generic netlink family, e.g. `batadv`. Looked up at first use and when its module was reloaded."""

    def __init__(self, name: str, module: str, version: int = 1, timeout: float = TIMEOUT) -> None:
        self.name = name
        self._module = module
        self._version = version
        self._id = 0
        self._socket = NetlinkSocket(NETLINK_GENERIC, timeout)

    def request(self, command: int, payload: bytes, what: str, flags: int = 0) -> bytes | None:
        """Ask one thing: the answer's attributes, or None where it is only acknowledged."""
        packed = HEADER.pack(command, self._version, 0) + payload
        try:
            answer = self._socket.request(self._resolve(), packed, flags, what)
        except KernelError as error:
            if not self._moved(error):
                raise
            answer = self._socket.request(self._id, packed, flags, what)
        if answer is None:
            return None
        if len(answer) < 4:
            raise NetlinkFormatError(f"{what}: an answer of {len(answer)} bytes")
        return answer[4:]

    def dump(self, command: int, payload: bytes, row: Row[T], what: str) -> list[T]:
        """`row(buffer, start, end)` decodes a row; its attributes begin GENL_HEADER bytes behind `start`."""
        packed = HEADER.pack(command, self._version, 0) + payload
        try:
            return self._socket.dump(self._resolve(), packed, row, what)
        except KernelError as error:
            if not self._moved(error):
                raise
            return self._socket.dump(self._id, packed, row, what)

    def look(self) -> None:
        """FamilyMissingError where the kernel does not know the family."""
        self._resolve()

    def group(self, name: str) -> int:
        """The number of one of its multicast groups, for NETLINK_ADD_MEMBERSHIP."""
        told = self._describe()
        groups = nl.attributes(told, 4, len(told)).get(CTRL_ATTR_MCAST_GROUPS)
        for place in nl.attributes(told, *groups).values() if groups else ():
            found = nl.attributes(told, *place)
            number = nl.get_u32(told, found, CTRL_ATTR_MCAST_GRP_ID)
            if nl.get_text(told, found, CTRL_ATTR_MCAST_GRP_NAME) == name and number:
                return number
        raise NetlinkFormatError(f"the netlink family {self.name} names no multicast group {name}")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _resolve(self) -> int:
        if self._id:
            return self._id
        answer = self._describe()
        found = nl.get_u16(answer, nl.attributes(answer, 4, len(answer)), CTRL_ATTR_FAMILY_ID)
        if found is None or found < MIN_FAMILY:
            raise NetlinkFormatError(f"looking up the netlink family {self.name}: the answer names no family")
        self._id = found
        return found

    def _describe(self) -> bytes:
        what = f"looking up the netlink family {self.name}"
        payload = HEADER.pack(CTRL_CMD_GETFAMILY, 1, 0) + nl.text(CTRL_ATTR_FAMILY_NAME, self.name)
        try:
            answer = self._socket.request(GENL_ID_CTRL, payload, 0, what)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            text = f"{what}: the kernel does not know it, module {self._module} is not loaded"
            raise FamilyMissingError(text, f"modprobe {self._module}", errno.ENOENT) from None
        return answer or b""

    def _moved(self, error: KernelError) -> bool:
        """Has the family another number now? ENOENT is what the kernel answers to a number nobody has."""
        if error.errno != errno.ENOENT or isinstance(error, FamilyMissingError):
            return False
        before, self._id = self._id, 0
        return self._resolve() != before


GENL_HEADER: Final = 4  # bytes of the generic header before a row's attributes


def interface_index(name: str) -> int | None:
    """The index of an interface in this namespace, None where there is none."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None
