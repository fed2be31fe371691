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
from agent.sensors.base import Sensor, Watchful

# s one sensor's reading may take: more than two dumps that each just end in time (kernel.nlsocket.DEADLINE,
# 6 s), as on an overloaded node, where a mesh sensor that is put off heals no link.
BLOCKED_AFTER = 15.0
# s for which the slow lane waits for the fast one, to be read and told together: each wake-up and each
# Snapshot, which every fault looks at, costs as much as a reading.
TOGETHER = 0.3
LEAD = 0.1  # s by which the slow lane is read earlier, so that its readings are there
BEAT = 2.0  # s after which there is a Snapshot, even if only some of the sensors under way are read
MAX_STUCK = 4  # threads left in a blocked call; beyond it the lane rests until one returns
STALE_PERIODS = 5.0  # a reading older than so many of its periods
STALE_AFTER = 5.0  # s, and older than this is no longer shown: nobody may act on it
HISTORY = 64  # older snapshots
HISTORY_SPACING = 0.5  # s between two of them at least: half a minute in all, at rest a minute
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
        self._sleeper: asyncio.Future[None] | None = None  # `next` waits for a Snapshot to be due
        self._timer: asyncio.TimerHandle | None = None
        self._beat_at = 0.0
        self._asked: set[str] = set()
        self._woken = -1.0
        self._told_by: float | None = None  # when what was collected must be in a Snapshot
        names = tuple(self.timetable.sensors)
        fast = tuple(name for name in names if self.timetable.fast(name))
        slow = tuple(name for name in names if name not in fast)
        # what only one lane reads waits for no other
        self._lanes = [Lane(name, part) for name, part in (("fast", fast), ("slow", slow)) if part]
        self._glances = {
            lane.name: sensor.glance
            for lane in self._lanes
            for sensor in (self.timetable.sensors[name] for name in lane.sensors)
            if isinstance(sensor, Watchful)
        }  # of each lane one: the mesh

    def wake(self, names: Sequence[str] = URGENT) -> None:
        """Something happened: read these at once (at most every WAKE_SPACING seconds)."""
        self._asked.update(names)
        self._woke = True
        self._turn()

    def suspect(self, keys: Sequence[tuple[str, str]]) -> None:
        """These (fault, subject) are suspected now: sample in bursts."""
        self.timetable.attention.suspect(keys, self._clock())

    async def next(self) -> Snapshot:
        """The Snapshot after the next readings."""
        self._beat_at = self._clock() + BEAT
        self._begin()
        if not self._collect():
            self._sleeper = asyncio.get_running_loop().create_future()
            self._arm()
            try:
                await self._sleeper
            finally:
                self._sleeper = None
                if self._timer is not None:
                    self._timer.cancel()
            self._collect()  # what came while this task was waking
        return self._snapshot()

    def close(self) -> None:
        """Ends the idle threads; one that is blocked is left to the end of the process."""
        for lane in self._lanes:
            if lane.worker is not None:
                lane.worker.close()
                lane.worker = None
            if lane.call is not None:
                lane.call.hurry((), self._clock())  # a thread that waits would end later

    def _begin(self) -> None:
        """Gives every idle lane what is due."""
        now = self._clock()
        if self._woke and now - self._woken >= WAKE_SPACING:
            self._woken = now
            self._woke = False
            self.timetable.want(tuple(self._asked))
            self._asked.clear()
        ahead: float | None = None
        for lane in self._lanes:  # the fast one first: the other is read shortly before it
            if lane.call is None:
                self._start(lane, now, ahead)
            elif lane.call.at > now:
                self._hasten(lane, lane.call, now, 0.0 if ahead is None else TOGETHER)
            ahead = now if lane.call is None else lane.call.at

    def _start(self, lane: Lane, now: float, ahead: float | None) -> None:
        """Gives an idle lane what is due next; its thread waits until then."""
        names = self._free(lane)
        at = max(now, self.timetable.first(names, now))
        if ahead is not None and not self.timetable.wanted(names):
            together = max(now, ahead - LEAD)
            if self.timetable.due(names, now, together) and together <= at + self._patience(names, now, at):
                at = together
        if at == float("inf") or (ahead is not None and at > max(now, ahead)):
            return  # another turn comes before
        due = self.timetable.due(names, now, at)
        if lane.worker is None:
            if len(self.stuck) >= MAX_STUCK:
                return
            lane.threads += 1
            lane.worker = self._new_worker(f"x0-sense-{lane.name}-{lane.threads}")
        lane.asked_for = self.timetable.wanted(due)
        for name in due:
            self.timetable.begun(name, now)
        glance = None if any(self.timetable.attention.mood(now)) else self._glances.get(lane.name)
        lane.call = call = Call(due, now, at)
        lane.future = lane.worker.submit(partial(self._read, call, glance), then=self._turn)

    def _patience(self, names: Sequence[str], now: float, at: float) -> float:
        """How much later (s) than `at` the slow lane may be read, to come into step: by a period, once."""
        due = self.timetable.due(names, now, at)
        return min((self.timetable.period(name, now) for name in due), default=TOGETHER)

    def _hasten(self, lane: Lane, call: Call, now: float, patience: float) -> None:
        """What has become due before the time its thread waits for is read now."""
        late = self.timetable.late(self._free(lane), now, patience)
        if late and call.hurry(late, now):
            lane.asked_for = self.timetable.wanted(late)
            for name in late:
                self.timetable.begun(name, now)

    def _free(self, lane: Lane) -> Sequence[str]:
        """Its sensors no thread is stuck in."""
        if not self.stuck:
            return lane.sensors
        return [name for name in lane.sensors if name not in self.stuck]

    def _read(self, call: Call, glance: Callable[[float], bool] | None) -> None:
        """In the lane's thread: when it is time, one after the other, until the call is given up."""
        for name in call.wait(self._clock, glance):
            now = self._clock()
            if not call.enter(name, now):
                return
            try:
                sample = Sample(name, now, self.timetable.sensors[name].read(now))
            except Exception as error:  # noqa: BLE001 - any sensor may fail, the others go on
                sample = Sample(name, now, None, str(error)[:MAX_TEXT] or repr(error)[:MAX_TEXT])
            if not call.store(Reading(sample, self._clock())):
                return

    def _turn(self) -> None:
        """A call is done, something happened, or it is time: what follows is done here, in the call-back.

        The task is woken for a Snapshot only: each of its turns costs the event loop another round.
        """
        if self._sleeper is None or self._sleeper.done():
            return
        try:
            if self._collect() or self._beat():
                self._sleeper.set_result(None)
            else:
                self._begin()
                self._arm()
        except Exception as error:  # noqa: BLE001 - `next` raises it: nobody sees what a call-back raises
            self._sleeper.set_exception(error)

    def _arm(self) -> None:
        """Turns when something is due, a sensor overdue, a wake-up is allowed, or at the beat."""
        now = self._clock()
        calls = [lane.call for lane in self._lanes if lane.call is not None]
        until = [min(call.overdue_at(BLOCKED_AFTER), max(self._beat_at, call.at)) for call in calls]
        full = len(self.stuck) >= MAX_STUCK
        until += [
            self.timetable.first(self._free(lane), now)
            for lane in self._lanes
            if lane.call is None and (lane.worker is not None or not full)
        ]
        if self._woke:
            until.append(self._woken + WAKE_SPACING)
        if self._told_by is not None:
            until.append(self._told_by)
        wait = max(0.0, min(until) - now) if until else 1.0
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(wait, self._turn)

    def _collect(self) -> bool:
        """Takes what the lanes have read; True where it is time for a Snapshot of it."""
        now = self._clock()
        first = False  # did the fast lane read, or what a kernel event made read?
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
            elif (late := lane.call.give_up(now, BLOCKED_AFTER)) is not None:
                self._take(lane.call)
                self._abandon(lane, *late, now)
            else:
                continue
            first = first or lane.asked_for or lane is self._lanes[0]
            if self._told_by is None:
                self._told_by = now + TOGETHER
        return first or (self._told_by is not None and now >= self._told_by)

    def _beat(self) -> bool:
        """Is it time for a Snapshot of what is read so far?

        Not where every thread is stuck: the watchdog shall see that.
        """
        now = self._clock()
        busy = [lane.call for lane in self._lanes if lane.call is not None and lane.call.at <= now]
        if not busy or now < self._beat_at:
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
            self.timetable.good(name, sample.at)
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
        self._told_by = None
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
