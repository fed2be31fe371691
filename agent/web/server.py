# SPDX-License-Identifier: Apache-2.0
"""The bounded HTTP server in front of microdot's routes: a request per connection, every wait ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections import Counter
from typing import NamedTuple, cast

from microdot import Microdot, Request, Response

from agent.web.errors import BadRequestError, WebError
from agent.web.limits import (
    ACCEPT_PAUSE,
    ANSWER_TIMEOUT,
    ASKING_GRACE,
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

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the client learns at once that it was turned away

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
        self._head: list[bytes] | None = []

    async def awrite(self, data: bytes) -> None:
        if self._head is not None:  # line by line: sent as one packet, which costs airtime once
            self._head.append(data)
            if data != b"\r\n":
                return
            data, self._head = b"".join(self._head), None
        self._writer.write(data)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._writer.drain()
        except TimeoutError:  # microdot takes it for an OSError with an errno
            raise WebError(f"the client did not read for {ANSWER_TIMEOUT:.0f} s") from None


class _Asking(NamedTuple):
    """A connection whose request has not come yet."""

    address: str
    since: float  # monotonic s
    writer: asyncio.StreamWriter


class Server:
    """Serves `app` on host:port while `serve` runs.

    While it is full it accepts nobody: the kernel's backlog holds those who come, at no cost of ours.
    """

    def __init__(self, app: Microdot, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking: dict[asyncio.Task[None], _Asking] = {}  # no request yet, oldest first
        self._left = asyncio.Event()
        self.refused = 0  # connections turned away because too many were open

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._tasks)

    async def serve(self) -> None:
        """Listens until cancelled. Raises WebError where the address cannot be had."""
        try:
            listeners = await _listen(self._host, self._port)
        except OSError as error:
            raise WebError(
                f"cannot listen on {self._host} port {self._port}: {error.strerror or error}. "
                "Stop what uses it (`ss -ltnp`) or change web.listen"
            ) from error
        log.info("status page on http://%s:%d/", self._host, self._port)
        try:
            async with asyncio.TaskGroup() as group:
                for listener in listeners:
                    group.create_task(self._accept(listener))
        finally:
            for listener in listeners:
                listener.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._place()
            try:
                sock, peer = await loop.sock_accept(listener)
            except OSError as error:  # out of descriptors or memory, or the client left again
                log.debug("a connection could not be accepted: %s", error)
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            address = str(peer[0])
            if self._open[address] >= CONNECTIONS_PER_ADDRESS and not self._evict(address):
                self.refused += 1
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()
                continue
            self._open[address] += 1
            task = loop.create_task(self._serve_one(sock, peer[:2], address))
            self._tasks.add(task)
            task.add_done_callback(lambda done, address=address: self._leave(done, address))  # type: ignore[misc]

    async def _place(self) -> None:
        """Until there is one more; who drips its request makes room."""
        while len(self._tasks) >= CONNECTIONS_MAX:
            oldest = next(iter(self._asking.values()), None)
            if oldest is not None and time.monotonic() - oldest.since >= ASKING_GRACE:
                self._evict()
                return
            self._left.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASKING_GRACE):
                    await self._left.wait()

    def _evict(self, address: str = "") -> bool:
        """Ends the oldest connection (of `address`) that has not sent its request; was there one?"""
        for task, asking in self._asking.items():
            if address in ("", asking.address):
                self.refused += 1
                self._leave(task, asking.address)
                asking.writer.transport.abort()  # ends its reading, and by that its task
                return True
        return False

    def _leave(self, task: asyncio.Task[None], address: str) -> None:
        self._asking.pop(task, None)
        if task not in self._tasks:  # evicted before
            return
        self._tasks.discard(task)
        self._left.set()
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    async def _serve_one(self, sock: socket.socket, peer: tuple[str, int], address: str) -> None:
        try:
            reader, writer = await _streams(sock)
        except OSError:  # gone already
            sock.close()
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._asking[task] = _Asking(address, time.monotonic(), writer)
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


async def _listen(host: str, port: int) -> list[socket.socket]:
    """Sockets on every address of `host`. OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, kind, proto, _, address in dict.fromkeys(found):
            listener = socket.socket(family, kind, proto)
            listeners.append(listener)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


async def _streams(sock: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=HEAD_MAX, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


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
