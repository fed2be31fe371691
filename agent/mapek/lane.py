# SPDX-License-Identifier: Apache-2.0
"""One thread of the monitor and the readings it does now, told apart from those of a thread given up."""

from __future__ import annotations

import threading
from asyncio import Future
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agent.events import Sample
from agent.mapek.worker import Worker

GLANCE = 0.25  # s between two glances of a thread that waits: so soon a dead link is seen


class Reading(NamedTuple):
    """A sample and when its reading ended (monotonic s): a slow reading is not a stale one."""

    sample: Sample
    ended: float


class Call:
    """The sensors one thread reads in turn. Asked by that thread before each, and given up by the loop.

    Under one lock, so that a thread given up enters no further sensor: its successor may be in it.
    """

    def __init__(self, names: Sequence[str], now: float, at: float = 0.0) -> None:
        """Read at `at` (monotonic s), or now."""
        self.at = max(now, at)
        self._lock = threading.Lock()
        self._left = list(names)
        self._reading = ""  # the sensor its thread is in
        self._since = self.at
        self._given_up = False
        self._done: list[Reading] = []
        self._waiting = True
        self._go = threading.Event()

    def wait(self, clock: Callable[[], float], glance: Callable[[float], bool] | None) -> list[str]:
        """In the thread: until it is time, or hurried, or a `glance` asks for it; which sensors to read."""
        while not self._go.is_set() and (left := self.at - clock()) > 0:
            if self._go.wait(left if glance is None else min(left, GLANCE)):
                break
            if glance is not None and clock() < self.at and glance(clock()):
                break
        with self._lock:
            self._waiting = False
            return list(self._left)

    def hurry(self, names: Sequence[str], now: float) -> bool:
        """In the loop: read these now, and no others; False, and nothing done, where it has begun."""
        with self._lock:
            if not self._waiting:
                return False
            self._left = list(names)
            self.at = self._since = min(self.at, now)
        self._go.set()
        return True

    def enter(self, name: str, now: float) -> bool:
        """In the thread: this sensor is next; False where the call was given up."""
        with self._lock:
            if self._given_up:
                return False
            self._reading, self._since = name, now
            self._left.remove(name)
            return True

    def store(self, reading: Reading) -> bool:
        """In the thread: what the sensor gave; False, and nothing kept, where the call was given up."""
        with self._lock:
            if self._given_up:
                return False
            self._done.append(reading)
            self._reading, self._since = "", reading.ended
            return True

    def take(self) -> list[Reading]:
        """In the loop: what was read since the last time."""
        with self._lock:
            done, self._done = self._done, []
            return done

    def overdue_at(self, limit: float) -> float:
        """Monotonic s at which its present sensor has taken `limit` seconds."""
        with self._lock:
            return self._since + limit

    def give_up(self, now: float, limit: float) -> tuple[str, tuple[str, ...]] | None:
        """(the sensor that takes longer than `limit` s, those not begun); None where none does.

        A thread that does not even begin within the time is stuck before the first of those left.
        """
        with self._lock:
            if now < self._since + limit or not (self._reading or self._left):
                return None
            self._given_up = True
            name = self._reading or self._left.pop(0)
            return name, tuple(self._left)


class Lane:
    """One thread at a time, for some of the sensors."""

    def __init__(self, name: str, sensors: tuple[str, ...]) -> None:
        self.name = name
        self.sensors = sensors
        self.worker: Worker | None = None
        self.call: Call | None = None
        self.future: Future[None] | None = None
        self.threads = 0
        self.asked_for = False  # is its call one that something happened for?
