# SPDX-License-Identifier: Apache-2.0
"""File systems: how full they are, and which went read-only that were meant to be written to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from agent.hostreadings import Disk
from agent.sensors.reading import attempt, text

UNWRITABLE = frozenset(
    {"ro", "emergency_ro", "shutdown"}
)  # the last two: ext4 after errors, since Linux 6.15
BY_DESIGN = frozenset({"squashfs", "iso9660", "erofs", "cramfs"})  # cannot be written to


def disks(paths: Iterable[str]) -> tuple[Disk, ...]:
    """The file system of each path that exists, once."""
    found: dict[int, Disk] = {}
    for path in paths:
        device = attempt(lambda path=path: Path(path).stat().st_dev)  # type: ignore[misc]
        shown = attempt(lambda path=path: os.statvfs(path))  # type: ignore[misc]
        if device is None or shown is None or not shown.f_blocks or device in found:
            continue
        size = shown.f_frsize
        sizes = (shown.f_blocks * size, shown.f_bavail * size)
        found[device] = Disk(path, *sizes, shown.f_files, shown.f_favail)
    return tuple(found.values())


class _Mount(NamedTuple):
    point: str
    kind: str
    read_only: bool


def read_only(mountinfo: Path, fstab: Path, paths: Iterable[str]) -> dict[str, bool]:
    """Mount point of each path > did it go read-only without being meant so?

    The file system itself counts, not this mount of it: a unit's sandbox (ProtectSystem=) sees all mounts
    read-only. OSError where the mounts cannot be read.
    """
    mounts = tuple(_mounts(text(mountinfo)))
    found: dict[str, bool] = {}
    for path in paths:
        holding = [mount for mount in mounts if _within(path, mount.point)]
        if holding:
            top = max(enumerate(holding), key=lambda each: (len(each[1].point), each[0]))[1]
            found[top.point] = top.read_only and top.kind not in BY_DESIGN
    if any(found.values()):  # seldom: only then fstab is asked
        meant = attempt(lambda: _meant(text(fstab))) or frozenset()
        found = {point: gone and point not in meant for point, gone in found.items()}
    return found


def _mounts(told: str) -> Iterator[_Mount]:
    """proc_pid_mountinfo(5): ID PARENT DEV ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER-OPTIONS."""
    for line in told.splitlines():
        left, dash, right = line.partition(" - ")
        fields, super_fields = left.split(), right.split()
        if dash and len(fields) >= 6 and len(super_fields) >= 3:
            gone = not UNWRITABLE.isdisjoint(super_fields[2].split(","))
            yield _Mount(fields[4], super_fields[0], gone)


def _meant(told: str) -> frozenset[str]:
    """Mount points that fstab wants read-only."""
    rows = (line.split() for line in told.splitlines() if not line.lstrip().startswith("#"))
    return frozenset(row[1] for row in rows if len(row) >= 4 and "ro" in row[3].split(","))


def _within(path: str, point: str) -> bool:
    return point == "/" or path == point or path.startswith(point + "/")
