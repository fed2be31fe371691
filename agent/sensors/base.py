# SPDX-License-Identifier: Apache-2.0
"""What a sensor is. A file here with a `make` is found by itself; adding one touches no other."""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable


class SensorError(Exception):
    """A reading failed: what was read, how it failed, how to mend it."""


class Look(Enum):
    """How closely the monitor looks."""

    CALM = "calm"  # nothing is suspected
    SIMMER = "simmer"  # something is, and has used up its bursts: it may stay so for hours
    BURST = "burst"  # something is suspected anew: 10 ms sampling, for seconds


class Pace(NamedTuple):
    """How closely to look now, and for how long (s) nothing new has been suspected (calm: 0)."""

    look: Look
    standing: float = 0.0


class Sensor(Protocol):
    """Reads one source. `read` may block (it runs in the sensors' worker thread), is bounded in time and
    size, and raises SensorError where the source gives nothing usable; the agent goes on without it."""

    name: ClassVar[str]  # also the Snapshot's field it fills, e.g. "links"

    def period(self, attention: bool) -> float:
        """Seconds between two readings, calm or while something is suspected (attention). Changes nothing."""
        ...

    def read(self, now: float) -> Any:
        """The reading (a value of agent/readings.py, or a tuple of them). `now`: monotonic seconds."""
        ...


@runtime_checkable
class Watchful(Protocol):
    """A sensor that can tell cheaply, between two calm readings, whether it is time for the next one."""

    def glance(self, now: float) -> bool:
        """In the sensors' thread: does anything ask to be read and looked at at once? Raises nothing."""
        ...


@runtime_checkable
class Paced(Protocol):
    """A sensor whose readings differ in depth: it is told the pace before each, never during one."""

    def pace(self, pace: Pace) -> None:
        """The pace of the next reading."""
        ...
