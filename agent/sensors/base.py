# SPDX-License-Identifier: Apache-2.0
"""What a sensor is. A file here with a `make` is found by itself; adding one touches no other."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol


class SensorError(Exception):
    """A reading failed: what was read, how it failed, how to mend it."""


class Sensor(Protocol):
    """Reads one source. `read` may block (it runs in the sensors' worker thread), is bounded in time and
    size, and raises SensorError where the source gives nothing usable; the agent goes on without it."""

    name: ClassVar[str]  # also the Snapshot's field it fills, e.g. "links"

    def period(self, attention: bool) -> float:
        """Seconds between two readings, calm or while something is suspected (attention)."""
        ...

    def read(self, now: float) -> Any:
        """The reading (a value of agent/readings.py, or a tuple of them). `now`: monotonic seconds."""
        ...
