# SPDX-License-Identifier: Apache-2.0
"""Watches the wall clock against the monotonic one: was it stepped after it was known to be right?

It is known to be right while the kernel calls it synchronised (a time service has set it and corrects it).
A clock that never was is let run: a board without a battery-backed clock starts in the past and is set later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent.hostreadings import Clock

# systemd unit > what it keeps below /run while it runs
SERVICES = {"systemd-timesyncd.service": "systemd/timesync", "chrony.service": "chrony"}


def wall_offset() -> float:
    """Wall time less the time since boot, suspension included, seconds."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Asked at each reading; remembers the offset of the last trusted one."""

    def __init__(self, run: Path = Path("/run"), offset: Callable[[], float] = wall_offset) -> None:
        self._run, self._offset = run, offset
        self._trusted: float | None = None
        self._synchronised_at: float | None = None

    def look(self, synchronised: bool | None, now: float) -> Clock:
        """`synchronised`: as the kernel says, None where it does not. `now`: monotonic seconds."""
        offset = self._offset()
        if synchronised:
            self._trusted, self._synchronised_at = offset, now
        return Clock(
            step_s=None if self._trusted is None else offset - self._trusted,
            trusted_offset=self._trusted,
            unsynchronised_age=None if self._synchronised_at is None else now - self._synchronised_at,
            service=next((unit for unit, path in SERVICES.items() if (self._run / path).exists()), ""),
        )
