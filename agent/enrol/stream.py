# SPDX-License-Identifier: Apache-2.0
"""TLS over a pair of asyncio streams, carrying frames behind a length of four bytes. asyncio.

Reads no more than it was asked for: what a peer sends beyond waits in the kernel. Deadlines are the caller's.
"""

from __future__ import annotations

import asyncio
import contextlib
from struct import Struct
from typing import TYPE_CHECKING, Final

from agent.linksec.errors import LinksecError, Reason, TlsError

if TYPE_CHECKING:
    from agent.linksec.tls import Endpoint

READ: Final = 4096  # small, so that a request behind a handshake does not count against TLS's own bound
BUFFER: Final = 8192  # bytes asyncio reads ahead, at most twice
LENGTH: Final = Struct("!I")
GOODBYE: Final = 10.0  # s a peer has to take what was sent: an issuer's 22 KB over a poor link


class TlsStream:
    """One end. `most`: bytes of one frame from the peer; `first`: what was read from it before."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tls: Endpoint,
        *,
        most: int,
        first: bytes = b"",
    ) -> None:
        self.tls = tls
        self._reader, self._writer, self._most, self._first = reader, writer, most, first
        self._clear = bytearray()

    async def open(self) -> None:
        """Until the handshake is done. LinksecError, OSError."""
        self._flush()
        if self._first:
            self._feed(self._first)
        while not self.tls.established:
            await self._more()

    async def receive(self) -> bytes:
        """The next frame. LinksecError: the peer ended it, or announces too much."""
        while True:
            if len(self._clear) >= LENGTH.size:
                (size,) = LENGTH.unpack_from(self._clear)
                if size > self._most:
                    raise TlsError(
                        f"a message of {size} bytes is announced: at most {self._most}", Reason.TOO_LONG
                    )
                end = LENGTH.size + size
                if len(self._clear) >= end:
                    found = bytes(self._clear[LENGTH.size : end])
                    del self._clear[:end]
                    return found
            await self._more()

    async def send(self, frame: bytes) -> None:
        """Send a frame and wait until the peer has taken most of it."""
        self.tls.write(LENGTH.pack(len(frame)) + frame)
        self._flush()
        await self._writer.drain()

    async def close(self) -> None:
        """Say good-bye and close; never fails."""
        with contextlib.suppress(LinksecError, OSError):
            self.tls.close()
            self._flush()
        await close(self._writer)

    async def _more(self) -> None:
        data = await self._reader.read(READ)
        if not data:
            raise TlsError("the other end closed the connection", Reason.CLOSED)
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self.tls.feed(data)
        finally:
            self._flush()  # an alert, too, tells the peer why
        while self.tls.established and (clear := self._read()):
            self._clear += clear

    def _read(self) -> bytes:
        try:
            return self.tls.read()
        except TlsError:
            if self._clear:
                return b""  # what came before the end is looked at first
            raise

    def _flush(self) -> None:
        data = self.tls.outgoing()
        if data and not self._writer.is_closing():
            self._writer.write(data)


async def close(writer: asyncio.StreamWriter) -> None:
    """Close what is written to, whatever its state; what the peer does not take within GOODBYE is lost."""
    try:
        writer.close()
        async with asyncio.timeout(GOODBYE):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        pass  # it is over either way
    finally:
        writer.transport.abort()
