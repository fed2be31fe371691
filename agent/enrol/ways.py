# SPDX-License-Identifier: Apache-2.0
"""Ways to an issuer: a configured address, one heard of on the mesh interface, a neighbour that leads there.

Whatever the way, the TLS connection is with the issuer: a neighbour carries its bytes.
"""

from __future__ import annotations

import asyncio
import enum
import socket
from typing import Final

import msgspec

from agent.enrol.errors import EnrolError, Word
from agent.enrol.messages import LEADS, Lead, knock
from agent.enrol.stream import BUFFER, close
from agent.linksec import sockets

CONNECT: Final = 5.0  # s for a TCP connection: two lost SYNs and a name to resolve
LEADING: Final = 6.0  # s a neighbour has to reach the issuer
AGAIN: Final = "it is tried again"


class Kind(enum.StrEnum):
    """What leads to the issuer."""

    HERE = "here"  # on this very node
    CONFIGURED = "configured"
    ANNOUNCED = "announced"  # on the mesh interface
    NEIGHBOUR = "neighbour"  # a join proxy on the wire


class Way(msgspec.Struct, frozen=True):
    """`interface`: where a link-local address belongs to, "" where there is none."""

    kind: Kind
    issuer: str
    host: str
    port: int
    interface: str = ""

    def __str__(self) -> str:
        where = f"[{self.host}%{self.interface}]" if self.interface else self.host
        return f"{self.kind} {where}:{self.port}"


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(way: Way) -> Streams:
    """A connection with the issuer at the end of this way. EnrolError."""
    try:
        async with asyncio.timeout(CONNECT):
            streams = await _dial(way)
    except (OSError, TimeoutError, UnicodeError) as error:  # the last: a name that no resolver takes
        what = f"issuer {way.issuer} by {way} does not answer ({error or 'no answer'})"
        raise EnrolError(Word.UNREACHABLE, what, AGAIN) from None
    if way.kind is Kind.NEIGHBOUR:
        try:
            await _led(streams, way)
        except BaseException:
            await close(streams[1])
            raise
    return streams


async def _dial(way: Way) -> Streams:
    if not way.interface:
        return await asyncio.open_connection(way.host, way.port, limit=BUFFER)
    made = sockets.dialler(way.interface)
    try:
        where = (way.host, way.port, 0, socket.if_nametoindex(way.interface))
        await asyncio.get_running_loop().sock_connect(made, where)
        return await asyncio.open_connection(sock=made, limit=BUFFER)
    except BaseException:
        made.close()
        raise


async def _led(streams: Streams, way: Way) -> None:
    reader, writer = streams
    try:
        async with asyncio.timeout(LEADING):
            writer.write(knock(way.issuer))
            answer = await reader.readexactly(1)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        what = f"{way} does not lead to issuer {way.issuer}: it broke off"
        raise EnrolError(Word.PROXY, what, AGAIN) from None
    if answer != bytes((Lead.THROUGH,)):
        why = next((words for lead, words in LEADS.items() if answer == bytes((lead,))), "it says nonsense")
        raise EnrolError(Word.PROXY, f"{way} does not lead to issuer {way.issuer}: {why}", AGAIN)
