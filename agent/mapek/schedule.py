# SPDX-License-Identifier: Apache-2.0
"""When which sensor is read: calm periods, bursts while something is suspected, back-off of what fails. Pure.

A burst is bounded twice, so that what stays suspicious (or a neighbour that makes itself suspicious on
purpose) does not cost a tenth of a core: per suspicion and over all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from agent.mapek.suspicions import SUSPICION_QUIET
from agent.sensors.base import Look, Pace, Paced, Sensor

BURST = 2.0  # s of 10 ms sampling after a suspicion: a dead link is decided within one
BURST_PER_KEY = 4.0  # s of bursts one suspicion may cost within BURST_WINDOW: armed anew once
BURST_TOTAL = 15.0  # s of bursts of all suspicions within BURST_WINDOW
BURST_WINDOW = 60.0  # s
SIMMER = 0.25  # s between readings while a suspicion holds that has used up its bursts
FAST = 0.25  # s: a sensor with a shorter attentive period is read in the fast lane
MAX_KEYS = 256  # suspicions whose bursts are counted
RETRY_FIRST = 1.0  # s after a failed reading, doubled each time
RETRY_MAX = 60.0  # s
BLOCKED_FIRST = 30.0  # s before a sensor that blocked is tried again, doubled each time
BLOCKED_MAX = 1800.0  # s
RESTING = 2.0  # times its calm period a sensor rests between readings while the machine is too hot
# s, and share of its period, by which a reading may come early, so that several share one wake-up: those with
# long periods come into step so, and none is made much more often. In bursts less: there each reading counts.
EARLY, EARLY_SHARE = 0.5, 0.5
SLACK = 0.1


class Attention:
    """Whether to sample in bursts now. `resting`: half as often and in no bursts, to spare a hot machine."""

    def __init__(self) -> None:
        self.resting = False
        self._until = 0.0
        self._simmer_until = 0.0
        self._fresh = 0.0  # when something was suspected that was not before
        self._seen: dict[tuple[str, str], float] = {}
        self._spent: dict[tuple[str, str], deque[float]] = {}
        self._all: deque[float] = deque(maxlen=int(BURST_TOTAL / BURST) + 1)

    def suspect(self, keys: Sequence[tuple[str, str]], now: float) -> None:
        """These suspicions hold now."""
        if not keys:
            return
        self._simmer_until = now + BURST
        self._remember(keys, now)
        if now < self._until:
            return
        for key in keys[:MAX_KEYS]:
            spent = self._spent.setdefault(key, deque(maxlen=int(BURST_PER_KEY / BURST)))
            if _room(spent, now) and _room(self._all, now):
                self._until = now + BURST
                self._all.append(now)
                for other in keys[:MAX_KEYS]:  # one burst serves all that hold now
                    self._spent.setdefault(other, deque(maxlen=int(BURST_PER_KEY / BURST))).append(now)
                break
        while len(self._spent) > MAX_KEYS:
            del self._spent[next(iter(self._spent))]

    def _remember(self, keys: Sequence[tuple[str, str]], now: float) -> None:
        for key in keys[:MAX_KEYS]:
            if now - self._seen.pop(key, now - SUSPICION_QUIET - 1.0) > SUSPICION_QUIET:
                self._fresh = now
            self._seen[key] = now
        while len(self._seen) > MAX_KEYS:
            del self._seen[next(iter(self._seen))]

    def bursting(self, now: float) -> bool:
        """10 ms sampling now."""
        return now < self._until and not self.resting

    def pace(self, now: float) -> Pace:
        """How closely the readings that begin now look."""
        if self.bursting(now):
            return Pace(Look.BURST, now - self._fresh)
        if now < max(self._until, self._simmer_until):
            return Pace(Look.SIMMER, now - self._fresh)
        return Pace(Look.CALM)

    def mood(self, now: float) -> tuple[bool, bool, bool]:
        """What periods depend on beside the sensors themselves: (bursting, simmering, resting)."""
        return now < self._until, now < self._simmer_until, self.resting

    def period(self, sensor: Sensor, now: float) -> float:
        """Seconds between two readings of this sensor, now."""
        calm = sensor.period(False)
        if self.bursting(now):  # a link is decided: what is slow would only be in the way
            closely = sensor.period(True)
            return closely if closely <= FAST else calm
        if now < max(self._until, self._simmer_until):
            return min(calm, max(SIMMER, sensor.period(True)))
        return calm * RESTING if self.resting else calm


class Timetable:
    """The next reading of each sensor."""

    def __init__(self, sensors: Sequence[Sensor], now: float) -> None:
        self.sensors = {sensor.name: sensor for sensor in sensors}
        self.attention = Attention()
        self._last = dict.fromkeys(self.sensors, now - 1e9)  # when the last reading began
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._blocks: dict[str, int] = {}
        self._wanted: set[str] = set()
        self._periods: dict[str, float] = {}  # asked once between two readings: it is looked at at every turn
        self._mood = (False, False, False)

    def fast(self, name: str) -> bool:
        """Read in the fast lane, which no slow probe delays?"""
        return self.sensors[name].period(True) < FAST

    def want(self, names: Sequence[str]) -> None:
        """Read these at once."""
        self._wanted.update(name for name in names if name in self.sensors)

    def wanted(self, names: Sequence[str]) -> bool:
        """Is any of these to be read at once?"""
        return not self._wanted.isdisjoint(names)

    def first(self, names: Sequence[str], now: float) -> float:
        """When (monotonic s) the first of these is due; infinity where there is none."""
        return min((self.due_at(name, now) for name in names), default=float("inf"))

    def late(self, names: Sequence[str], now: float, patience: float) -> list[str]:
        """Those wanted at once, and those due for longer than `patience` s."""
        return [
            name
            for name in names
            if self.due_at(name, now) + (0.0 if name in self._wanted else patience) <= now
        ]

    def due_at(self, name: str, now: float) -> float:
        """Monotonic seconds of its next reading."""
        not_before = self._not_before.get(name, 0.0)
        if name in self._wanted:
            return max(now, not_before)
        return max(self._last[name] + self.period(name, now), not_before)

    def due(self, names: Sequence[str], now: float, at: float | None = None) -> list[str]:
        """Which of these to read at `at`, or now: those due then, and those that soon will be."""
        at = now if at is None else at
        return [name for name in names if self.due_at(name, now) - _slack(self.period(name, now)) <= at]

    def period(self, name: str, now: float) -> float:
        """Seconds between two readings of this sensor, in the present mood."""
        mood = self.attention.mood(now)
        if mood != self._mood:
            self._mood = mood
            self._periods.clear()
        period = self._periods.get(name)
        if period is None:
            period = self._periods[name] = self.attention.period(self.sensors[name], now)
        return period

    def begun(self, name: str, now: float) -> None:
        """It is about to be read: it is told the pace, as no thread is in it."""
        sensor = self.sensors[name]
        if isinstance(sensor, Paced):
            sensor.pace(self.attention.pace(now))
        self._wanted.discard(name)

    def good(self, name: str, at: float) -> None:
        """It gave a reading that began at `at`."""
        self._last[name] = at
        self._periods.pop(name, None)
        self._failures.pop(name, None)
        self._blocks.pop(name, None)
        self._not_before.pop(name, None)

    def failed(self, name: str, now: float) -> None:
        """It gave none at `now`. The first failure is retried at its usual time: interfaces vanish in
        mid-read.
        """
        self._last[name] = now
        self._periods.pop(name, None)
        count = self._failures.get(name, 0)
        self._failures[name] = count + 1
        if count:
            self._not_before[name] = now + min(RETRY_MAX, RETRY_FIRST * 2.0 ** min(count - 1, 10))

    def blocked(self, name: str, now: float) -> float:
        """It did not return; seconds until it is tried again."""
        count = self._blocks.get(name, 0)
        self._blocks[name] = count + 1
        wait: float = min(BLOCKED_MAX, BLOCKED_FIRST * 2.0 ** min(count, 10))
        self._not_before[name] = now + wait
        return wait

    def returned(self, name: str, now: float) -> None:
        """The reading that was given up did end: slow rather than stuck, so it is not put off for long."""
        if name in self._blocks:
            self._not_before[name] = min(self._not_before.get(name, now), now + BLOCKED_FIRST)


def _slack(period: float) -> float:
    return SLACK * period if period < FAST else min(EARLY, EARLY_SHARE * period)


def _room(times: deque[float], now: float) -> bool:
    while times and now - times[0] > BURST_WINDOW:
        times.popleft()
    return times.maxlen is None or len(times) < times.maxlen
