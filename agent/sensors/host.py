# SPDX-License-Identifier: Apache-2.0
"""The machine itself: load, memory, pressure, disk, temperature, clock. What is missing is None.

Read from /proc and /sys directly, two dozen small files every 5 s: about 0.02 % of a core (a test bounds it).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from agent.config import Config
from agent.hostreadings import Host
from agent.kernel import clock
from agent.sensors.base import Sensor
from agent.sensors.biggest import biggest
from agent.sensors.clockwatch import ClockWatch
from agent.sensors.filesystems import disks, mounts, read_only
from agent.sensors.heat import nearest, under_voltage, zones
from agent.sensors.neighbourtables import tables
from agent.sensors.reading import attempt as _try
from agent.sensors.reading import text as _text

PERIOD = 5.0  # s; nothing here changes faster than its remedy works
ATTENTIVE = 2.0  # s while something is suspected: a disk or a memory that fills does so within a minute
SHORT = 0.15  # share of the memory available below which the biggest processes are looked for
LOGS = "/var/log"  # what fills first, if it is a file system of its own


class HostSensor:
    """Reads the machine. `proc`, `sys`, `run` and `fstab` are given by tests."""

    name: ClassVar[str] = "host"

    def __init__(
        self,
        disk_path: str = "/",
        state_dir: str = "/",
        *,
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
        run: Path = Path("/run"),
        fstab: Path = Path("/etc/fstab"),
    ) -> None:
        self._disk, self._proc, self._sys, self._fstab = disk_path, proc, sys, fstab
        self._state_dir = os.path.realpath(state_dir)
        self._clock = ClockWatch(run)
        self._cpu_before: tuple[float, float] | None = None
        self._page = os.sysconf("SC_PAGE_SIZE")

    def period(self, attention: bool) -> float:
        """Seconds between two readings."""
        return ATTENTIVE if attention else PERIOD

    def read(self, now: float) -> Host:
        """The reading; never raises for what one machine lacks."""
        memory = _try(self._memory) or {}
        disk = _try(lambda: os.statvfs(self._disk))
        state = _try(clock.state)
        times = _try(lambda: os.times())
        among = _try(lambda: mounts(self._proc / "self/mountinfo")) or ()
        gone = read_only(among, self._fstab, ("/", self._state_dir))
        heat = zones(self._sys)
        total, available = memory.get("MemTotal"), memory.get("MemAvailable")
        short = total is not None and available is not None and available < total * SHORT
        return Host(
            cpu_share=_try(self._cpu),
            load1=_try(lambda: os.getloadavg()[0]),
            mem_total=total,
            mem_available=available,
            psi_cpu=_try(lambda: self._pressure("cpu")),
            psi_memory=_try(lambda: self._pressure("memory")),
            psi_io=_try(lambda: self._pressure("io")),
            disk_total=disk.f_blocks * disk.f_frsize if disk else None,
            disk_free=disk.f_bavail * disk.f_frsize if disk else None,
            root_read_only=gone.get("/"),
            temperature_c=max((each.celsius for each in heat), default=None),
            clock_synchronised=state.synchronised if state else None,
            clock_offset_s=state.offset_s if state else None,
            uptime_s=_try(clock.uptime),
            agent_rss=_try(lambda: int(_text(self._proc / "self/statm").split()[1]) * self._page),
            agent_cpu_s=times.user + times.system if times else None,
            disks=disks((self._disk, self._state_dir, LOGS), among),
            read_only=tuple(point for point, lost in gone.items() if lost),
            biggest=biggest(self._proc, self._page) if short else (),
            neighbour_tables=tables(self._proc),
            heat=nearest(heat),
            under_voltage=_try(lambda: under_voltage(self._sys)),
            clock=self._clock.look(state.synchronised if state else None, now),
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


def make(config: Config) -> Sensor | None:
    """Always applicable."""
    return HostSensor(config.sensors.disk_path, config.node.state_dir)
