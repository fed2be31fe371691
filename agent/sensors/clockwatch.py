# SPDX-License-Identifier: Apache-2.0
"""Watches the wall clock against the monotonic one: was it stepped after it was known to be right?

It is known to be right while the kernel calls it synchronised (a time service has set it and corrects it).
A clock that never was is let run: a board without a battery-backed clock starts in the past and is set
later.

When it was set last is another matter: the kernel goes on calling a clock synchronised for about nine hours
after its last correction (until its error may be 16 s, at 500 ppm). systemd-timesyncd touches a file each
time (systemd-timesyncd.service(8)), and that file goes whenever it is restarted. So while it sets the clock,
no file is no news; where another does, or nobody known, the kernel's word is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent.hostreadings import Clock

# systemd unit > what it keeps below /run while it runs
TIMESYNCD = "systemd-timesyncd.service"
SERVICES = {TIMESYNCD: "systemd/timesync", "chrony.service": "chrony"}
STAMP = "systemd/timesync/synchronized"  # below /run: touched each time the clock was set


def wall_offset() -> float:
    """Wall time less the time since boot, suspension included, seconds."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Asked at each reading; remembers the offset of the last trusted one."""

    def __init__(
        self,
        run: Path = Path("/run"),
        offset: Callable[[], float] = wall_offset,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._run, self._offset, self._wall = run, offset, wall
        self._stamp: float | None = None
        self._trusted: float | None = None
        self._synchronised_at: float | None = None

    def look(self, synchronised: bool | None, now: float) -> Clock:
        """`synchronised`: as the kernel says, None where it does not. `now`: monotonic seconds."""
        offset = self._offset()
        if synchronised:
            self._trusted = offset
        service = next((unit for unit, path in SERVICES.items() if (self._run / path).exists()), "")
        self._note(synchronised, now, service)
        return Clock(
            step_s=None if self._trusted is None else offset - self._trusted,
            trusted_offset=self._trusted,
            unsynchronised_age=None if self._synchronised_at is None else now - self._synchronised_at,
            service=service,
        )

    def _note(self, synchronised: bool | None, now: float, service: str) -> None:
        """When it was set last: by the stamp's changes, as a wall clock that jumps cannot tell their age."""
        try:
            stamp = (self._run / STAMP).stat().st_mtime
        except OSError:
            stamps = service == TIMESYNCD or (not service and self._stamp is not None)  # it restarts just now
            if synchronised and not stamps:
                self._synchronised_at = now
            return
        if self._stamp is None:  # set before we looked
            self._synchronised_at = max(0.0, now - max(0.0, self._wall() - stamp))
        elif stamp != self._stamp:
            self._synchronised_at = now
        self._stamp = stamp
