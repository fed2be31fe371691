# SPDX-License-Identifier: Apache-2.0
"""Tells whoever listens (page, metrics, `make run`) what changed, through bounded queues."""

from __future__ import annotations

import asyncio

import msgspec

MAX_WAITING = 64  # changes a slow listener may be behind; older ones are dropped and counted
MAX_LISTENERS = 64  # pages and commands that follow at once


class ChangesError(Exception):
    """Too many listeners."""


class Change(msgspec.Struct, frozen=True):
    """One change of the loop's state, as it also stands in the log."""

    event: str  # suspicion, diagnosis, decision, action, outcome, reclassified, ...
    sentence: str
    fields: dict[str, object]
    at: float
    wall: float


class Subscription:
    """Iterate over it; `close` when done. `dropped` counts what was lost because it was not read in time."""

    def __init__(self, listeners: set[Subscription]) -> None:
        self.dropped = 0
        self._queue: asyncio.Queue[Change] = asyncio.Queue(MAX_WAITING)
        self._listeners = listeners

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Change:
        return await self._queue.get()

    def close(self) -> None:
        """No more changes."""
        self._listeners.discard(self)

    def put(self, change: Change) -> None:
        """One more; the oldest goes where there is no room."""
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(change)


class Changes:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: set[Subscription] = set()

    def subscribe(self) -> Subscription:
        """From now on. ChangesError beyond MAX_LISTENERS."""
        if len(self._listeners) >= MAX_LISTENERS:
            raise ChangesError(f"{MAX_LISTENERS} listeners follow already; close one")
        subscription = Subscription(self._listeners)
        self._listeners.add(subscription)
        return subscription

    def publish(self, change: Change) -> None:
        """To everyone."""
        for listener in tuple(self._listeners):
            listener.put(change)
