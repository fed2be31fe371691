# SPDX-License-Identifier: Apache-2.0
"""ICMP echo to any address, IPv4 (RFC 792) or IPv6 (RFC 4443): one request, one answer. Needs CAP_NET_RAW.

For the neighbours' link-local addresses, many at once: agent/kernel/echo.py.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from struct import Struct
from typing import Final

from agent.kernel.echo import ECHO_REPLY, ECHO_REQUEST, ICMP6_FILTER, TOKEN_BYTES

V4_REQUEST: Final = 8
V4_REPLY: Final = 0
ICMP_FILTER: Final = 1  # linux/icmp.h, option of SOL_RAW
SOL_RAW: Final = 255
MAX_READ: Final = 128  # bytes of one packet that are read; the answer is 16 and an IP header of at most 60
MAX_STRANGERS: Final = 32  # packets looked at in one go: another program's pings come here, too
_ICMP: Final = Struct("!BBHHH")  # type, code, checksum, identifier, sequence


class Ping:
    """Sent when made; `answered()` until it is or nobody waits any more, then `close`.

    `device`: "" or the interface by which it must leave and come back. OSError with the system's own text.
    """

    def __init__(self, address: str, device: str = "") -> None:
        host, _, scope = address.partition("%")
        self._version = ipaddress.ip_address(host).version
        six = self._version == 6
        family = socket.AF_INET6 if six else socket.AF_INET
        protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
        self._socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._ident = secrets.randbits(16)
        try:
            self._filter(six=six)
            if device:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
            index = socket.if_nametoindex(scope) if scope else 0
            self._socket.connect((host, 0, 0, index) if six else (host, 0))
            self._socket.send(request(self._version, self._ident, self._token))
        except OSError:
            self._socket.close()
            raise

    def _filter(self, *, six: bool) -> None:
        """Nothing but echo replies wakes us. A set bit blocks."""
        if six:
            words = bytearray(b"\xff" * 32)
            place = ECHO_REPLY // 32 * 4
            Struct("=I").pack_into(words, place, 0xFFFFFFFF ^ (1 << (ECHO_REPLY % 32)))
            self._socket.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(words))
        else:
            block = Struct("=I").pack(0xFFFFFFFF ^ (1 << V4_REPLY))
            self._socket.setsockopt(SOL_RAW, ICMP_FILTER, block)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def answered(self) -> bool:
        """Has the answer come? OSError where the network says that it will not."""
        for _ in range(MAX_STRANGERS):
            try:
                packet = self._socket.recv(MAX_READ)
            except BlockingIOError:
                return False
            if is_reply(self._version, packet, self._ident, self._token):
                return True
        return False

    def close(self) -> None:
        """Give it up."""
        self._socket.close()


def request(version: int, ident: int, token: bytes) -> bytes:
    """An echo request; the kernel fills the checksum of IPv6 in."""
    if version == 6:
        return _ICMP.pack(ECHO_REQUEST, 0, 0, ident, 1) + token
    bare = _ICMP.pack(V4_REQUEST, 0, 0, ident, 1) + token
    return _ICMP.pack(V4_REQUEST, 0, checksum(bare), ident, 1) + token


def is_reply(version: int, packet: bytes, ident: int, token: bytes) -> bool:
    """Is this what came (IPv4: with its IP header) the answer to our request?"""
    start = 0
    if version == 4:
        if not packet:
            return False
        start = (packet[0] & 0xF) * 4
    if len(packet) != start + _ICMP.size + len(token):
        return False
    kind, _code, _sum, theirs, sequence = _ICMP.unpack_from(packet, start)
    wanted = ECHO_REPLY if version == 6 else V4_REPLY
    return (kind, theirs, sequence) == (wanted, ident, 1) and packet[start + _ICMP.size :] == token


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
