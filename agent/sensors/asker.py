# SPDX-License-Identifier: Apache-2.0
"""An ICMPv6 echo socket in the event loop, for a sensor that asks neighbours: sends, hears, and wakes it.

Whom to ask, when, and what an answer means is the sensor's (echoes.py, losses.py).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from agent.hello.peers import eui64
from agent.kernel.echo import EchoReply, EchoSocket
from agent.kernel.errors import KernelError


class Socket(Protocol):
    def fileno(self) -> int: ...
    def send(self, index: int, address: str, ident: int, sequence: int) -> None: ...
    def receive(self) -> list[EchoReply]: ...
    def close(self) -> None: ...


class Request(NamedTuple):
    """One question, at every address of the neighbour that could be sent to."""

    sequence: int
    ifindex: int  # 0 where the interface is gone
    addresses: tuple[str, ...]  # none: nobody was asked
    full: bool  # was a queue full? That is no sign of the neighbour

    def answered_by(self, reply: EchoReply) -> bool:
        return reply.ifindex == self.ifindex and reply.address in self.addresses


class Asker:
    """Event loop only. `take(replies, looked)` gets what came until `looked`; then `beat()` where it is time.

    `address(hardif, mac)` gives the link-local address the neighbour was heard from. Whoever forged the hello
    chose it, so the address that kernels make of the MAC is asked in the same request: an answer from either
    counts, silence means that both are silent.
    """

    def __init__(
        self,
        address: Callable[[str, str], str],
        take: Callable[[list[EchoReply], float], None],
        beat: Callable[[], None],
        *,
        index: Callable[[str], int] = socket.if_nametoindex,
        open_socket: Callable[[], Socket] = EchoSocket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._take, self._beat = address, take, beat
        self._index, self._open, self._clock = index, open_socket, clock
        self._socket: Socket | None = None
        self._ident = os.getpid() & 0xFFFF
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Can anybody be asked?"""
        return self._socket is not None

    def start(self) -> None:
        """Open the socket; KernelError where CAP_NET_RAW is missing."""
        self._socket = self._open()
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self.look)

    def stop(self) -> None:
        """Close it; no beat any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def wake(self, delay: float) -> None:
        """A beat in so many seconds at the latest."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(0.0, delay)
        if self._timer is None or self._timer.when() > when:
            if self._timer:
                self._timer.cancel()
            self._timer = loop.call_at(when, self._due)

    def ask(self, hardif: str, mac: str) -> Request:
        """Send one request to each of its addresses. Only while `open`."""
        assert self._socket is not None
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        try:
            index = self._index(hardif)
        except OSError:  # the interface is gone: nobody answers there
            return Request(sequence, 0, (), full=False)
        asked: list[str] = []
        full = False
        for address in dict.fromkeys((self._address(hardif, mac), eui64(mac))):
            try:
                self._socket.send(index, address, self._ident, sequence)
                asked.append(address)
            except KernelError as error:
                full |= error.errno == errno.EAGAIN
        return Request(sequence, index, tuple(asked), full)

    def look(self) -> None:
        """Take what has arrived: one call empties the socket, whose buffer holds no more answers."""
        if self._socket is None:
            return
        now = self._clock()
        try:
            replies = self._socket.receive()
        except KernelError:
            return
        self._take(replies, now)

    def _due(self) -> None:
        self._timer = None
        self.look()  # first: what has come is no longer lost, and not late because we are
        self._beat()
