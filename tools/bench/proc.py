# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU of a process tree, read from /proc by a process that is not part of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

MIB = 1024.0 * 1024.0
NANOSECOND = 1e-9


class Usage(msgspec.Struct, frozen=True):
    """What a process tree holds (MiB) and burns (per cent of one core)."""

    pss_mb: float
    private_mb: float
    rss_mb: float
    cpu_percent: float
    processes: int
    seconds: float


def tree(pid: int) -> list[int]:
    """The process and all its living descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue  # the thread ended while we looked
    return found


def rollup(pid: int) -> dict[str, int]:
    """/proc/PID/smaps_rollup in bytes."""
    fields: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, _, value = line.partition(":")
        fields[key] = int(value.split()[0]) * 1024
    return fields


def cpu_seconds(pid: int) -> float:
    """CPU used by all threads of a process so far, from the scheduler's nanoseconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[0])
        except OSError:
            continue
    return total * NANOSECOND


def observe(pid: int, seconds: float, pulse: Callable[[], None] | None = None, every: float = 10.0) -> Usage:
    """Watch a process tree for `seconds`; `pulse` is called every `every` seconds (a scrape, say)."""
    before = sum(cpu_seconds(each) for each in tree(pid))
    start = time.monotonic()
    while (left := start + seconds - time.monotonic()) > 0:
        if pulse is not None:
            pulse()
        time.sleep(min(every, left))
    spent = time.monotonic() - start
    pids = tree(pid)
    burnt = sum(cpu_seconds(each) for each in pids) - before
    memory = [rollup(each) for each in pids]
    return Usage(
        pss_mb=sum(m["Pss"] for m in memory) / MIB,
        private_mb=sum(m["Private_Clean"] + m["Private_Dirty"] for m in memory) / MIB,
        rss_mb=sum(m["Rss"] for m in memory) / MIB,
        cpu_percent=100.0 * burnt / spent,
        processes=len(pids),
        seconds=spent,
    )
