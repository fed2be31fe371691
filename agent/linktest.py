# SPDX-License-Identifier: Apache-2.0
"""A link test: echoes to one neighbour for some seconds, what is lost and how long the others take.

Sends from a socket of its own, so that nothing of it is taken for a sign of doubt. The neighbour's kernel
answers, whatever its agent does.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from agent.kernel.echo import EchoReply, EchoSocket
from agent.kernel.errors import KernelError

ECHOES = 50  # over SECONDS: a loss of 2 % is seen, and a radio carries 70 bytes ten times a second
SECONDS = 5.0
STRAGGLERS_S = 1.0  # after the last request
IDENT_OFFSET = 1  # beside the agent's other echoes


class Link(msgspec.Struct, frozen=True):
    """What came of it; round trips in ms, None where nothing was answered."""

    sent: int
    answered: int
    rtt_least: float | None = None
    rtt_mean: float | None = None
    rtt_most: float | None = None
    trouble: str = ""  # why requests could not be sent, where they could not

    @property
    def loss(self) -> float:
        """Percent of the requests that were not answered."""
        return 100.0 * (1 - self.answered / self.sent) if self.sent else 100.0


class Socket(Protocol):
    """As agent/kernel/echo.py."""

    def fileno(self) -> int: ...
    def send(self, index: int, address: str, ident: int, sequence: int) -> None: ...
    def receive(self) -> list[EchoReply]: ...
    def close(self) -> None: ...


async def measure(
    hardif: str,
    addresses: Sequence[str],
    *,
    open_socket: Callable[[], Socket] = EchoSocket,
    index: Callable[[str], int] = socket.if_nametoindex,
    clock: Callable[[], float] = time.monotonic,
    echoes: int = ECHOES,
    seconds: float = SECONDS,
    stragglers: float = STRAGGLERS_S,
) -> Link:
    """Asks all `addresses` (link-local, of one neighbour) at once; an answer of any counts, once a request.

    KernelError where there is no socket, OSError where there is no such interface.
    """
    number = index(hardif)
    sock = open_socket()
    asked: dict[int, float] = {}
    rtts: dict[int, float] = {}
    trouble = ""

    def take() -> None:
        for reply in sock.receive():
            if reply.ifindex == number and reply.address in addresses and reply.sequence in asked:
                rtts.setdefault(reply.sequence, (reply.received_at - asked[reply.sequence]) * 1000)

    loop = asyncio.get_running_loop()
    loop.add_reader(sock.fileno(), take)
    try:
        for sequence in range(echoes):
            asked[sequence] = clock()
            for address in dict.fromkeys(addresses):
                try:
                    sock.send(number, address, os.getpid() + IDENT_OFFSET, sequence)
                except KernelError as error:
                    trouble = str(error)
            await asyncio.sleep(seconds / echoes)
        if len(rtts) < echoes:
            await asyncio.sleep(stragglers)
        take()
    finally:
        loop.remove_reader(sock.fileno())
        sock.close()
    times = list(rtts.values())
    if not times:
        return Link(len(asked), 0, trouble=trouble)
    return Link(len(asked), len(times), min(times), sum(times) / len(times), max(times))
