# SPDX-License-Identifier: Apache-2.0
"""Server-sent events: numbered, replayed after Last-Event-ID, bounded in clients and in what waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from agent.web.limits import PING_EVERY, REPLAY_MAX, STREAM_QUEUE_MAX, STREAMS_MAX

Watching = Callable[[Callable[[], None]], "Closable | None"]

RETRY_MS = 2000  # the browser's pause before it connects again
PING = b": ping\n\n"


class Closable(Protocol):
    """A watch over one client's right to be here."""

    def close(self) -> None: ...


class Stream:
    """Hands every published event to every client; a client that lags behind is dropped."""

    def __init__(self) -> None:
        self._clients: set[asyncio.Queue[bytes | None]] = set()
        self._replay: deque[tuple[int, bytes]] = deque(maxlen=REPLAY_MAX)
        self._id = 0
        self.dropped = 0  # clients that were too slow

    @property
    def clients(self) -> int:
        """Clients connected now."""
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Is there no place for a further client?"""
        return len(self._clients) >= STREAMS_MAX

    def publish(self, name: str, data: bytes) -> None:
        """Sends one event; `data` is one line (JSON)."""
        self._id += 1
        event = b"id: %d\nevent: %s\ndata: %s\n\n" % (self._id, name.encode(), data)
        self._replay.append((self._id, event))
        for queue in tuple(self._clients):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self.dropped += 1
                self._clients.discard(queue)
                queue.get_nowait()  # make room for the end mark
                queue.put_nowait(None)

    async def follow(
        self, last_id: int | None, watch: Watching = lambda _cut: None
    ) -> AsyncGenerator[bytes, None]:
        """What one client gets: what it missed since `last_id` (without one: the newest), then all.

        `watch(cut)` is told how to end it, and closed when it has ended.
        """
        if self.full:  # several may have passed the route's check at once
            return
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(STREAM_QUEUE_MAX)
        self._clients.add(queue)
        watched = watch(lambda: self._end(queue))
        missed = self._missed(last_id)  # now: what is published from here on comes by the queue
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            for event in missed:
                yield event
            while True:
                try:
                    async with asyncio.timeout(PING_EVERY):
                        event_or_end = await queue.get()
                except TimeoutError:
                    yield PING
                    continue
                if event_or_end is None:
                    return
                yield event_or_end
        finally:
            self._clients.discard(queue)
            if watched is not None:
                watched.close()

    def _end(self, queue: asyncio.Queue[bytes | None]) -> None:
        """What waits is given up: the client is told no more."""
        self._clients.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _missed(self, last_id: int | None) -> list[bytes]:
        # An id of before the agent's restart is larger than ours: that client needs the newest event.
        if last_id is None or last_id > self._id:
            return [event for _, event in tuple(self._replay)[-1:]]
        return [event for number, event in self._replay if number > last_id]
