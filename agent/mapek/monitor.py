# SPDX-License-Identifier: Apache-2.0
"""Reads the sensors in worker threads and builds Snapshots.

Two lanes of one thread each: what tells a dead link is never behind a slow service probe. A reading that
blocks costs its lane a new thread; the old one is left to itself and enters no further sensor. Their number
is bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from agent.events import Sample, Snapshot
from agent.mapek.lane import Call, Lane, Reading
from agent.mapek.schedule import Timetable
from agent.mapek.worker import Worker
from agent.sensors.base import Sensor

# s one sensor's reading may take: more than two dumps that each just end in time (kernel.nlsocket.DEADLINE,
# 6 s), as on an overloaded node, where a mesh sensor that is put off heals no link.
BLOCKED_AFTER = 15.0
BEAT = 2.0  # s after which there is a Snapshot, even if only some of the sensors under way are read
MAX_STUCK = 4  # threads left in a blocked call; beyond it the lane rests until one returns
STALE_PERIODS = 5.0  # a reading older than so many of its periods
STALE_AFTER = 5.0  # s, and older than this is no longer shown: nobody may act on it
HISTORY = 64  # older snapshots
HISTORY_SPACING = 0.5  # s between two of them: half a minute in all
WAKE_SPACING = 0.02  # s between two readings asked for by kernel events: an event flood is bounded
URGENT = ("links", "mesh")  # what a kernel event makes read
MAX_TEXT = 300  # characters of an error
FIELDS = frozenset(Snapshot.__struct_fields__) - {"at", "wall", "errors"}

_log = logging.getLogger("agent.mapek.monitor")


class Monitor:
    """`await next()` for the newest Snapshot; `history` holds older ones, oldest first."""

    def __init__(
        self,
        sensors: Sequence[Sensor],
        clock: Callable[[], float],
        wall: Callable[[], float],
        worker: Callable[[str], Worker] = Worker,
    ) -> None:
        unknown = [sensor.name for sensor in sensors if sensor.name not in FIELDS]
        if unknown:
            raise ValueError(f"sensors {unknown} fill no field of a Snapshot; there are {sorted(FIELDS)}")
        self._clock = clock
        self._wall = wall
        self._new_worker = worker
        self.timetable = Timetable(sensors, clock())
        self.readings: dict[str, Reading] = {}
        self.history: deque[Snapshot] = deque(maxlen=HISTORY)
        self.stuck: dict[str, asyncio.Future[Any]] = {}  # sensor > the call that does not return
        self._errors: dict[str, str] = {}
        self._newest: Snapshot | None = None
        self._woke = False
        self._sleeper: asyncio.Future[None] | None = None
        self._asked: set[str] = set()
        self._woken = -1.0
        names = tuple(self.timetable.sensors)
        fast = tuple(name for name in names if self.timetable.fast(name))
        slow = tuple(name for name in names if name not in fast)
        self._lanes = [Lane(name, part) for name, part in (("fast", fast), ("slow", slow)) if part]

    def wake(self, names: Sequence[str] = URGENT) -> None:
        """Something happened: read these at once (at most every WAKE_SPACING seconds)."""
        self._asked.update(names)
        self._woke = True
        self._nudge()

    def suspect(self, keys: Sequence[tuple[str, str]]) -> None:
        """These (fault, subject) are suspected now: sample in bursts."""
        self.timetable.attention.suspect(keys, self._clock())

    async def next(self) -> Snapshot:
        """The Snapshot after the next readings."""
        beat = self._clock() + BEAT
        while True:
            self._begin()
            if any(lane.future is not None and lane.future.done() for lane in self._lanes):
                self._collect()
                return self._snapshot()
            await self._pause(beat)
            if self._collect() or self._beat(beat):
                return self._snapshot()

    def close(self) -> None:
        """Ends the idle threads; one that is blocked is left to the end of the process."""
        for lane in self._lanes:
            if lane.worker is not None:
                lane.worker.close()
                lane.worker = None

    def _begin(self) -> None:
        """Gives every idle lane what is due."""
        now = self._clock()
        if self._woke and now - self._woken >= WAKE_SPACING:
            self._woken = now
            self._woke = False
            self.timetable.want(tuple(self._asked))
            self._asked.clear()
        for lane in self._lanes:
            if lane.call is not None:
                continue
            due = [name for name in self.timetable.due(lane.sensors, now) if name not in self.stuck]
            if not due:
                continue
            if lane.worker is None:
                if len(self.stuck) >= MAX_STUCK:
                    continue
                lane.threads += 1
                lane.worker = self._new_worker(f"x0-sense-{lane.name}-{lane.threads}")
            for name in due:
                self.timetable.begun(name, now)
            lane.call = call = Call(due, now)
            lane.future = lane.worker.submit(partial(self._read, call, due))
            lane.future.add_done_callback(self._nudge)

    def _read(self, call: Call, names: list[str]) -> None:
        """In the lane's thread: one after the other, until the call is given up."""
        for name in names:
            now = self._clock()
            if not call.enter(name, now):
                return
            try:
                sample = Sample(name, now, self.timetable.sensors[name].read(now))
            except Exception as error:  # noqa: BLE001 - any sensor may fail, the others go on
                sample = Sample(name, now, None, str(error)[:MAX_TEXT] or repr(error)[:MAX_TEXT])
            if not call.store(Reading(sample, self._clock())):
                return

    async def _pause(self, beat: float) -> None:
        """Until a lane is done, something is due, a sensor overdue, a wake-up is allowed, or `beat`."""
        now = self._clock()
        until = [
            min(beat, lane.call.overdue_at(BLOCKED_AFTER)) for lane in self._lanes if lane.call is not None
        ]
        idle = [lane for lane in self._lanes if lane.call is None]
        rest = len(self.stuck) >= MAX_STUCK
        until += [
            self.timetable.due_at(name, now)
            for lane in idle
            if lane.worker is not None or not rest
            for name in lane.sensors
            if name not in self.stuck
        ]
        if self._woke:
            until.append(self._woken + WAKE_SPACING)
        wait = max(0.0, min(until) - now) if until else 1.0
        # one bare future and one timer: asyncio.wait and an Event's task cost as much as the readings
        loop = asyncio.get_running_loop()
        self._sleeper = loop.create_future()
        timer = loop.call_later(wait, self._nudge)
        try:
            await self._sleeper
        finally:
            timer.cancel()
            self._sleeper = None

    def _nudge(self, _: object = None) -> None:
        """Ends the pause: a call is done, something happened, or it is time."""
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def _collect(self) -> bool:
        """Takes what the lanes have read; True where something is new."""
        now = self._clock()
        new = False
        for name, future in tuple(self.stuck.items()):
            if future.done():
                del self.stuck[name]
                future.exception()
                self.timetable.returned(name, now)
        for lane in self._lanes:
            if lane.call is None or lane.future is None:
                continue
            if lane.future.done():
                lane.future.result()
                self._take(lane.call)
                lane.call = lane.future = None
                new = True
            elif (late := lane.call.give_up(now, BLOCKED_AFTER)) is not None:
                self._take(lane.call)
                self._abandon(lane, *late, now)
                new = True
        return new

    def _beat(self, beat: float) -> bool:
        """Is it time for a Snapshot of what is read so far?

        Not where every thread is stuck: the watchdog shall see that.
        """
        busy = [lane.call for lane in self._lanes if lane.call is not None]
        if not busy or self._clock() < beat:
            return False
        for call in busy:
            self._take(call)
        return True

    def _take(self, call: Call) -> None:
        for reading in call.take():
            self._keep(reading)

    def _keep(self, reading: Reading) -> None:
        sample = reading.sample
        name = sample.sensor
        if not sample.error:
            self.readings[name] = reading
            self._errors.pop(name, None)
            self.timetable.good(name)
            return
        if self._errors.get(name) != sample.error:
            _log.warning(
                "sensor %s: %s",
                name,
                sample.error,
                extra={"event": "sensor-error", "fields": {"sensor": name}},
            )
        self._errors[name] = sample.error
        self.timetable.failed(name, sample.at)

    def _abandon(self, lane: Lane, name: str, left: tuple[str, ...], now: float) -> None:
        """Its thread is stuck in this sensor: leave it there, go on with a new one and those it left."""
        wait = self.timetable.blocked(name, now)
        self.timetable.want(left)
        if lane.future is not None:
            self.stuck[name] = lane.future
        if lane.worker is not None:
            lane.worker.close()  # the thread ends by itself if the call ever returns
        lane.call, lane.future, lane.worker = None, None, None
        text = (
            f"does not return for more than {BLOCKED_AFTER:.0f} s; left alone, tried again after {wait:.0f} s"
        )
        if len(self.stuck) >= MAX_STUCK:
            text += f"; {len(self.stuck)} threads are stuck, no new one is started"
        self._errors[name] = text
        _log.error("sensor %s %s", name, text, extra={"event": "sensor-blocked", "fields": {"sensor": name}})

    def _snapshot(self) -> Snapshot:
        now = self._clock()
        fields: dict[str, Any] = {}
        errors = dict(self._errors)
        for name, (sample, ended) in self.readings.items():
            limit = max(STALE_AFTER, STALE_PERIODS * self.timetable.sensors[name].period(False))
            if now - ended <= limit:
                fields[name] = sample.reading
            else:
                errors.setdefault(name, f"no reading for {now - ended:.0f} s")
        snapshot = Snapshot(at=now, wall=self._wall(), errors=errors, **fields)
        last = self.history[-1].at if self.history else -HISTORY_SPACING
        if self._newest is not None and self._newest.at - last >= HISTORY_SPACING:
            self.history.append(self._newest)
        self._newest = snapshot
        return snapshot
