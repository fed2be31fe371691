# SPDX-License-Identifier: Apache-2.0
"""Reads the sensors in worker threads and builds Snapshots.

Two lanes of one thread each: what tells a dead link is never behind a slow service probe. A reading that
blocks costs its lane a new thread, the old one is left to itself; their number is bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from agent.events import Sample, Snapshot
from agent.mapek.schedule import Timetable
from agent.mapek.worker import Worker
from agent.sensors.base import Sensor

BLOCKED_AFTER = 5.0  # s a lane's readings may take: netlink and probes time out after 2 s
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


class _Lane:
    """One thread and the readings it does now."""

    def __init__(self, name: str, sensors: tuple[str, ...]) -> None:
        self.name = name
        self.sensors = sensors
        self.worker: Worker | None = None
        self.call: asyncio.Future[Any] | None = None
        self.began = 0.0
        self.reading = ""  # the sensor its thread is in, set by the thread
        self.threads = 0


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
        self.samples: dict[str, Sample] = {}
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
        self._lanes = [_Lane(name, part) for name, part in (("fast", fast), ("slow", slow)) if part]

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
        while True:
            self._begin()
            if any(lane.call is not None and lane.call.done() for lane in self._lanes) and self._collect():
                return self._snapshot()
            await self._pause()
            if self._collect():
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
            lane.began = now
            lane.call = lane.worker.submit(lambda lane=lane, due=due: self._read(lane, due))  # type: ignore[misc]
            lane.call.add_done_callback(self._nudge)

    def _read(self, lane: _Lane, names: list[str]) -> list[Sample]:
        """In the lane's thread: one after the other."""
        samples = []
        for name in names:
            lane.reading = name
            now = self._clock()
            try:
                samples.append(Sample(name, now, self.timetable.sensors[name].read(now)))
            except Exception as error:  # noqa: BLE001 - any sensor may fail, the others go on
                samples.append(Sample(name, now, None, str(error)[:MAX_TEXT] or repr(error)[:MAX_TEXT]))
        return samples

    async def _pause(self) -> None:
        """Until a lane is done, something is due, a lane is overdue, or a wake-up that is allowed."""
        now = self._clock()
        until = [lane.began + BLOCKED_AFTER for lane in self._lanes if lane.call is not None]
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
        for name, call in tuple(self.stuck.items()):
            if call.done():
                del self.stuck[name]
                call.exception()
        for lane in self._lanes:
            if lane.call is None:
                continue
            if lane.call.done():
                samples: list[Sample] = lane.call.result()
                lane.call = None
                new = True
                for sample in samples:
                    self._take(sample)
            elif now - lane.began >= BLOCKED_AFTER:
                self._abandon(lane, now)
                new = True
        return new

    def _take(self, sample: Sample) -> None:
        name = sample.sensor
        if not sample.error:
            self.samples[name] = sample
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

    def _abandon(self, lane: _Lane, now: float) -> None:
        """Its thread is stuck in a sensor: leave it there, go on with a new one."""
        name = lane.reading
        wait = self.timetable.blocked(name, now)
        if lane.call is not None:
            self.stuck[name] = lane.call
        if lane.worker is not None:
            lane.worker.close()  # the thread ends by itself if the call ever returns
        lane.call, lane.worker = None, None
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
        for name, sample in self.samples.items():
            limit = max(STALE_AFTER, STALE_PERIODS * self.timetable.sensors[name].period(False))
            if now - sample.at <= limit:
                fields[name] = sample.reading
            else:
                errors.setdefault(name, f"no reading for {now - sample.at:.0f} s")
        snapshot = Snapshot(at=now, wall=self._wall(), errors=errors, **fields)
        last = self.history[-1].at if self.history else -HISTORY_SPACING
        if self._newest is not None and self._newest.at - last >= HISTORY_SPACING:
            self.history.append(self._newest)
        self._newest = snapshot
        return snapshot
