# SPDX-License-Identifier: Apache-2.0
"""ICMPv6 echo to link-local addresses (RFC 4443): the neighbour's kernel answers, whatever its agent does.

Needs CAP_NET_RAW. The socket never blocks: use `fileno()` with the event loop's `add_reader`.
"""

from __future__ import annotations

import errno
import secrets
import socket
import time
from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from agent.kernel.errors import from_errno

ECHO_REQUEST: Final = 128
ECHO_REPLY: Final = 129
ICMP6_FILTER: Final = 1
MAX_BATCH: Final = 256  # answers taken per call: a flood must not hold the loop
MAX_IDENTS: Final = 64  # own identifiers remembered; one per agent is used
TOKEN_BYTES: Final = 8  # random, in every request: a reply without it was never asked for
RECEIVE_BUFFER: Final = 65536  # bytes queued in the kernel: some 250 answers
_ICMP: Final = Struct("!BBHHH")  # type, code, checksum (by the kernel), identifier, sequence


class EchoReply(NamedTuple):
    """One answer: the interface it came in on, from whom, to which request, and when (monotonic seconds)."""

    ifindex: int
    address: str
    sequence: int
    received_at: float


class EchoSocket:
    """Sends echo requests and hears the answers to its own, on every interface."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._idents: dict[int, None] = {}
        try:
            sock = socket.socket(
                socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6
            )
        except OSError as error:
            raise from_errno(error.errno or 0, "opening the ICMPv6 echo socket") from None
        try:
            passes = bytearray(b"\xff" * 32)  # a set bit blocks; in host words of 32 bits (RFC 3542, 3.2)
            words = Struct("=I")
            words.pack_into(passes, ECHO_REPLY // 32 * 4, 0xFFFFFFFF ^ (1 << (ECHO_REPLY % 32)))
            sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(passes))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        except OSError as error:
            sock.close()
            raise from_errno(error.errno or 0, "setting up the ICMPv6 echo socket") from None
        self._socket = sock

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def send(self, index: int, address: str, ident: int, sequence: int) -> None:
        """Ask `address` (link-local) on interface `index`; ident and sequence are taken modulo 65536.

        RefusedError: gone, down or without an address (ENETUNREACH, EADDRNOTAVAIL), queue full (EAGAIN).
        """
        self._remember(ident & 0xFFFF)
        packet = _ICMP.pack(ECHO_REQUEST, 0, 0, ident & 0xFFFF, sequence & 0xFFFF) + self._token
        try:
            self._socket.sendto(packet, (address, 0, 0, index))
        except OSError as error:
            raise from_errno(error.errno or 0, f"echo to {address} on interface {index}") from None

    def receive(self) -> list[EchoReply]:
        """The answers that have come, at most MAX_BATCH; what is not an answer to us is dropped."""
        found: list[EchoReply] = []
        for _ in range(MAX_BATCH):
            try:
                packet, sender = self._socket.recvfrom(128)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in {errno.ENOMEM, errno.ENOBUFS, errno.EBADF}:
                    raise from_errno(error.errno, "receiving echo replies") from None
                continue  # an ICMP error of an earlier request, reported here
            if len(packet) != _ICMP.size + TOKEN_BYTES:
                continue
            kind, _code, _sum, ident, sequence = _ICMP.unpack_from(packet)
            if kind != ECHO_REPLY or ident not in self._idents or packet[_ICMP.size :] != self._token:
                continue
            found.append(EchoReply(sender[3], sender[0].split("%", 1)[0], sequence, self._clock()))
        return found

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _remember(self, ident: int) -> None:
        if ident not in self._idents:
            if len(self._idents) >= MAX_IDENTS:
                del self._idents[next(iter(self._idents))]
            self._idents[ident] = None
