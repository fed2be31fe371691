# SPDX-License-Identifier: Apache-2.0
"""The machine itself: load, memory, pressure, disk, temperature, clock. What is missing is None.

Read from /proc and /sys directly, a dozen small files every 5 s: about 0.01 % of a core (a test bounds it).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from agent.config import Config
from agent.hostreadings import Host
from agent.kernel import clock
from agent.kernel.errors import KernelError
from agent.sensors.base import Sensor

PERIOD = 5.0  # s; nothing here changes faster than its remedy works
MAX_TEXT = 65_536  # bytes read of a file; /proc/mounts of a container host can be endless
MAX_ZONES = 32  # thermal zones looked at; a phone's chip has about 30
TEMPERATURES = (-50.0, 200.0)  # C; a sensor that says otherwise is broken
T = TypeVar("T")


class HostSensor:
    """Reads the machine. `proc` and `sys` are given by tests."""

    name: ClassVar[str] = "host"

    def __init__(self, disk_path: str = "/", proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> None:
        self._disk, self._proc, self._sys = disk_path, proc, sys
        self._cpu_before: tuple[float, float] | None = None
        self._page = os.sysconf("SC_PAGE_SIZE")

    def period(self, attention: bool) -> float:
        """Seconds between two readings, the same under attention."""
        return PERIOD

    def read(self, now: float) -> Host:
        """The reading; never raises for what one machine lacks."""
        memory = _try(self._memory) or {}
        disk = _try(lambda: os.statvfs(self._disk))
        state = _try(clock.state)
        times = _try(lambda: os.times())
        return Host(
            cpu_share=_try(self._cpu),
            load1=_try(lambda: os.getloadavg()[0]),
            mem_total=memory.get("MemTotal"),
            mem_available=memory.get("MemAvailable"),
            psi_cpu=_try(lambda: self._pressure("cpu")),
            psi_memory=_try(lambda: self._pressure("memory")),
            psi_io=_try(lambda: self._pressure("io")),
            disk_total=disk.f_blocks * disk.f_frsize if disk else None,
            disk_free=disk.f_bavail * disk.f_frsize if disk else None,
            root_read_only=_try(self._root_read_only),
            temperature_c=_try(self._temperature),
            clock_synchronised=state.synchronised if state else None,
            clock_offset_s=state.offset_s if state else None,
            uptime_s=_try(clock.uptime),
            agent_rss=_try(lambda: int(_text(self._proc / "self/statm").split()[1]) * self._page),
            agent_cpu_s=times.user + times.system if times else None,
        )

    def _cpu(self) -> float | None:
        """Share of all cores in use since the last reading; None at the first."""
        fields = [float(f) for f in _text(self._proc / "stat").partition("\n")[0].split()[1:9]]
        total, idle = sum(fields), fields[3] + fields[4]
        before, self._cpu_before = self._cpu_before, (total, idle)
        if before is None or total <= before[0]:
            return None
        return min(1.0, max(0.0, 1 - (idle - before[1]) / (total - before[0])))

    def _memory(self) -> dict[str, int]:
        """/proc/meminfo in bytes."""
        rows = (line.split() for line in _text(self._proc / "meminfo").splitlines())
        return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}

    def _pressure(self, what: str) -> float:
        """PSI "some avg10" as a share."""
        first = _text(self._proc / "pressure" / what).split()
        if first[0] != "some" or not first[1].startswith("avg10="):
            raise ValueError(f"unknown pressure format in {what}")
        return float(first[1][6:]) / 100

    def _root_read_only(self) -> bool | None:
        """Was a root meant to be written to mounted read-only? A squashfs and its like are so by design."""
        found: bool | None = None
        for line in _text(self._proc / "self/mounts").splitlines():
            fields = line.split()
            if len(fields) >= 4 and fields[1] == "/":  # the last one is on top
                found = "ro" in fields[3].split(",") and fields[2] not in {
                    "squashfs",
                    "iso9660",
                    "erofs",
                    "cramfs",
                }
        return found

    def _temperature(self) -> float | None:
        """The hottest thermal zone."""
        hottest: float | None = None
        for zone in sorted((self._sys / "class/thermal").glob("thermal_zone*"))[:MAX_ZONES]:
            value = _try(lambda zone=zone: int(_text(zone / "temp")) / 1000)  # type: ignore[misc]
            if value is not None and TEMPERATURES[0] < value < TEMPERATURES[1]:
                hottest = value if hottest is None else max(hottest, value)
        return hottest


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_TEXT).decode(errors="replace")


def _try(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (OSError, ValueError, IndexError, KernelError):
        return None


def make(config: Config) -> Sensor | None:
    """Always applicable."""
    return HostSensor(config.sensors.disk_path)
