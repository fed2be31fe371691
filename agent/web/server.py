# SPDX-License-Identifier: Apache-2.0
"""The bounded HTTP server in front of microdot's routes: a request per connection, every wait ends."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from typing import cast

from microdot import Microdot, Request, Response

from agent.web.errors import BadRequestError, WebError
from agent.web.limits import (
    ANSWER_TIMEOUT,
    BACKLOG,
    CONNECTIONS_MAX,
    CONNECTIONS_PER_ADDRESS,
    EOF_GRACE,
    HEAD_MAX,
    SEND_BUFFER,
    UNACKNOWLEDGED_MAX,
    WRITE_BUFFER_MAX,
)
from agent.web.request import read_body, read_head

log = logging.getLogger("x0.web")

REASONS = {
    200: "OK", 202: "Accepted", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict",
    413: "Content Too Large", 415: "Unsupported Media Type", 428: "Precondition Required",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip


class _Writer:
    """What microdot's Response writes to; a reader too slow for ANSWER_TIMEOUT is cut off."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def awrite(self, data: bytes) -> None:
        self._writer.write(data)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._writer.drain()
        except TimeoutError:  # microdot takes it for an OSError with an errno
            raise WebError(f"the client did not read for {ANSWER_TIMEOUT:.0f} s") from None


class Server:
    """Serves `app` on host:port while `serve` runs."""

    def __init__(self, app: Microdot, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking: dict[
            asyncio.Task[None], tuple[str, asyncio.StreamWriter]
        ] = {}  # no head yet, oldest first
        self.refused = 0  # connections turned away because too many were open

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._tasks)

    async def serve(self) -> None:
        """Listens until cancelled. Raises WebError where the address cannot be had."""
        try:
            server = await asyncio.start_server(
                self._accept, self._host, self._port, limit=HEAD_MAX, backlog=BACKLOG
            )
        except OSError as error:
            raise WebError(
                f"cannot listen on {self._host} port {self._port}: {error.strerror or error}. "
                "Stop what uses it (`ss -ltnp`) or change web.listen"
            ) from error
        log.info("status page on http://%s:%d/", self._host, self._port)
        try:
            await server.serve_forever()
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("?", 0))[:2]
        address = str(peer[0])
        if not self._room(address):
            self.refused += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None  # asyncio.start_server runs this in a task of its own
        self._tasks.add(task)
        self._asking[task] = (address, writer)
        self._open[address] += 1
        try:
            _bound(writer)
            await self._answer(reader, writer, peer)
            writer.write_eof()
            async with asyncio.timeout(EOF_GRACE):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, WebError) as error:
            log.debug("connection of %s ended: %s", address, error)
        finally:
            writer.transport.abort()
            self._asking.pop(task, None)
            if task in self._tasks:
                self._leave(task, address)

    def _room(self, address: str) -> bool:
        """Is there a place for one more? Who still drips its request's head makes room, the oldest first."""
        crowded = self._open[address] >= CONNECTIONS_PER_ADDRESS
        if not crowded and len(self._tasks) < CONNECTIONS_MAX:
            return True
        for task, (of, writer) in self._asking.items():
            if of == address or not crowded:
                self.refused += 1
                del self._asking[task]
                self._leave(task, of)
                writer.transport.abort()  # ends its reading, and by that its task
                return True
        return False

    def _leave(self, task: asyncio.Task[None], address: str) -> None:
        self._tasks.discard(task)
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: tuple[str, int]
    ) -> None:
        out = _Writer(writer)
        try:
            head = await read_head(reader)
            body = await read_body(reader, head) if head else None
            self._asking.pop(cast("asyncio.Task[None]", asyncio.current_task()), None)
            if head is None or body is None:
                return
            request = Request(self._app, peer, head.method, head.target, head.version, head.headers, body)
        except BadRequestError as error:
            await _finish(Response(f"{error}\n", error.status), out)
            return
        except ValueError:  # microdot's own parsing of the target
            await _finish(Response("the target is not a plain path\n", 400), out)
            return
        async with asyncio.timeout(ANSWER_TIMEOUT):
            response = await self._app.dispatch_request(request)
        try:
            await _finish(response, out)
        finally:
            if hasattr(response.body, "aclose"):
                await response.body.aclose()


def _bound(writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_MAX)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MAX)


async def _finish(response: Response, out: _Writer) -> None:
    response.reason = REASONS.get(response.status_code, "Unknown")
    response.headers.setdefault("Connection", "close")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    await response.write(cast(asyncio.StreamWriter, out))  # microdot asks for `awrite` only
