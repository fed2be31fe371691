# SPDX-License-Identifier: Apache-2.0
"""A door of this node: connections are taken within bounds, each served by a task with a deadline. asyncio.

One door may have several listeners. What it serves is given; nothing a visitor does ends anything but its
own task.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from agent.enrol.errors import EnrolError
from agent.enrol.stream import BUFFER, close
from agent.linksec import sockets
from agent.linksec.admission import MAX_HALF_OPEN_SOURCE, Admission
from agent.linksec.errors import LinksecError

RETRY: Final = 1.0  # s between looks whether an interface is still there, or has come
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]
log = logging.getLogger(__name__)


class Counts(msgspec.Struct):
    """Since the agent's start."""

    taken: int = 0
    refused: int = 0  # over a rate, or too many of one source
    displaced: int = 0  # closed for another
    failed: int = 0  # ended by an error of theirs
    late: int = 0  # ended by the deadline


class Door:
    """`serve(reader, writer, source)`: ends with the connection; `seconds`: how long one may take in all.

    The bounds are linksec's for handshakes (admission.py), with a connection counted until it ends.
    """

    def __init__(
        self,
        name: str,
        serve: Serve,
        seconds: float,
        clock: Callable[[], float],
        rng: random.Random,
        per_source: int = MAX_HALF_OPEN_SOURCE,
    ) -> None:
        self.counts = Counts()
        self._name, self._serve, self._seconds, self._clock = name, serve, seconds, clock
        self._admission = Admission(rng, per_source)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._number = 0

    @property
    def open(self) -> int:
        """Connections that are being served."""
        return len(self._tasks)

    def remember(self, source: str) -> None:
        """This source showed an identity: it draws on a share of its own from now on."""
        self._admission.remember(source)

    async def keep(self, interface: str, port: int) -> None:
        """Listen on one interface, whenever it is there; until cancelled. Link-local neighbours only."""
        said = ""
        while True:
            try:
                index = socket.if_nametoindex(interface)
                server = await self._listen(sockets.listener(interface, port))
            except OSError as error:
                if str(error) != said:
                    said = str(error)
                    log.info("%s waits for %s: %s", self._name, interface, error)
                await asyncio.sleep(RETRY)
                continue
            said = ""
            try:
                while True:
                    await asyncio.sleep(RETRY)
                    if _index(interface) != index:
                        break
            finally:
                server.close()

    async def keep_at(self, host: str, port: int) -> None:
        """Listen on an address; until cancelled. OSError where that cannot be."""
        server = await asyncio.start_server(self._take, host, port, limit=BUFFER, reuse_address=True)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()

    async def end(self) -> None:
        """Cut everybody."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, made: socket.socket) -> asyncio.Server:
        try:
            return await asyncio.start_server(self._take, sock=made, limit=BUFFER)
        except BaseException:
            made.close()
            raise

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        source = str(peer[0]).partition("%")[0] if peer else ""
        self._number += 1
        number = self._number
        allowed, victim = self._admission.ask(number, source, self._clock())
        if victim in self._tasks:
            self.counts.displaced += 1
            self._tasks[victim].cancel()
        if not allowed:
            self.counts.refused += 1
            writer.transport.abort()
            return
        self.counts.taken += 1
        task = asyncio.create_task(self._run(reader, writer, source))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._gone(number))

    def _gone(self, number: int) -> None:
        self._tasks.pop(number, None)
        self._admission.done(number, authenticated=False)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._serve(reader, writer, source)
        except asyncio.CancelledError:  # displaced, or we stop
            writer.transport.abort()
            raise
        except TimeoutError:
            self.counts.late += 1
            writer.transport.abort()
            log.debug("%s: %s was not done within %.0f s", self._name, source, self._seconds)
        except (OSError, LinksecError, EnrolError) as error:
            self.counts.failed += 1
            log.debug("%s: %s: %s", self._name, source, error)
        except Exception:
            self.counts.failed += 1
            log.exception("%s: serving %s", self._name, source)
        finally:
            await close(writer)


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0
