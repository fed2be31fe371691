# SPDX-License-Identifier: Apache-2.0
"""What a gateway announces so that clients share several: what its uplink has free. Pure.

New clients, and by and by those of a full gateway (agent/mesh/gatewaychoice.py), go where there is room. The
announcement moves in steps a minute apart and faster down than up, so that what the last step moved is
measured before the next. tests/unit/mesh/test_gateway_sharing.py simulates gateways with their clients.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

CLASSES: Final = 10  # steps of the capacity; finer ones are noise
LEAST: Final = 1  # class a full gateway still announces: 0 would take it out of the mesh
BAND: Final = 2  # classes between measured and announced that start a change: 20 % of the capacity
FALL: Final = 2  # classes one change goes down: a full uplink hurts everyone behind it
RISE: Final = 1  # and up
EVERY_S: Final = 60.0  # between two changes: clients and their traffic must have followed the last
JITTER_S: Final = 20.0  # so that gateways do not change at the same time
BUSIER_S: Final = 20.0  # time constant of the measured load while it grows
IDLER_S: Final = 120.0  # and while it falls: a pause between two downloads is no free uplink


class Announcement(msgspec.Struct, frozen=True):
    """What a gateway says it can carry, kbit/s."""

    down_kbit: int
    up_kbit: int


class GatewayLoad:
    """One gateway's uplink. `measured` with every reading, `due` for what to announce now."""

    def __init__(self, down_kbit: int, up_kbit: int) -> None:
        """`down_kbit`, `up_kbit`: the configured capacity; a measured peak beyond it counts instead."""
        self._ways = (_Way(down_kbit), _Way(up_kbit))
        self._at: float | None = None
        self._next = float("-inf")

    def measured(self, now: float, down_kbit: float, up_kbit: float) -> None:
        """Throughput of the uplink over the last seconds."""
        seconds = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        for way, kbit in zip(self._ways, (down_kbit, up_kbit), strict=True):
            way.measured(seconds, kbit)

    def due(self, now: float, jitter: float) -> Announcement | None:
        """The new announcement, None: leave it. `jitter`: 0..1, drawn anew for each call."""
        if self._at is None or now < self._next:
            return None
        down, up = self._ways
        if not (down.step() | up.step()):  # each takes its step
            return None
        self._next = now + EVERY_S + jitter * JITTER_S
        return self.announced()

    def announced(self) -> Announcement:
        """What is announced now."""
        down, up = self._ways
        return Announcement(down.kbit(), up.kbit())


class _Way:
    """One direction."""

    def __init__(self, capacity: int) -> None:
        self._capacity = float(capacity)
        self._used = 0.0  # kbit/s, smoothed
        self._class = CLASSES
        self._moving = False

    def measured(self, seconds: float, kbit: float) -> None:
        self._capacity = max(self._capacity, kbit)
        constant = BUSIER_S if kbit > self._used else IDLER_S
        self._used += (kbit - self._used) * (1.0 - math.exp(-seconds / constant))

    def step(self) -> bool:
        """One step towards what is free, begun outside the band and ended where it is met. Did it change?"""
        free = math.ceil(CLASSES * (1.0 - self._used / self._capacity))
        away = min(CLASSES, max(LEAST, free)) - self._class
        self._moving = away != 0 and (self._moving or abs(away) >= BAND)
        if not self._moving:
            return False
        self._class += max(-FALL, min(RISE, away))
        return True

    def kbit(self) -> int:
        return int(self._capacity * self._class / CLASSES)
