# SPDX-License-Identifier: Apache-2.0
"""File systems: how full they are, and which went read-only that were meant to be written to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agent.hostreadings import Disk
from agent.sensors.reading import attempt, text

UNWRITABLE = frozenset(
    {"ro", "emergency_ro", "shutdown"}
)  # the last two: ext4 after errors, since Linux 6.15
BY_DESIGN = frozenset({"squashfs", "iso9660", "erofs", "cramfs"})  # cannot be written to


class Mount(NamedTuple):
    """One mounted file system. `read_only`: it itself, not only this mount of it."""

    point: str
    kind: str
    read_only: bool


def mounts(mountinfo: Path) -> tuple[Mount, ...]:
    """proc_pid_mountinfo(5): ID PARENT DEV ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER-OPTIONS. OSError.

    The file system's own options count: a unit's sandbox (ProtectSystem=) sees all mounts read-only.
    """
    found = []
    for line in text(mountinfo).splitlines():
        left, dash, right = line.partition(" - ")
        fields, super_fields = left.split(), right.split()
        if dash and len(fields) >= 6 and len(super_fields) >= 3:
            gone = not UNWRITABLE.isdisjoint(super_fields[2].split(","))
            found.append(Mount(fields[4], super_fields[0], gone))
    return tuple(found)


def holding(path: str, among: tuple[Mount, ...]) -> Mount | None:
    """The mount a path lies on: the deepest, of those in one place the last."""
    numbered = [each for each in enumerate(among) if _within(path, each[1].point)]
    return max(numbered, key=lambda each: (len(each[1].point), each[0]))[1] if numbered else None


def disks(paths: Iterable[str], among: tuple[Mount, ...]) -> tuple[Disk, ...]:
    """The file system of each path that exists, once; not those that are full by design."""
    found: dict[int, Disk] = {}
    for path in paths:
        mount = holding(path, among)
        status, shown = attempt(os.stat, path), attempt(os.statvfs, path)
        if status is None or shown is None or not shown.f_blocks or status.st_dev in found:
            continue
        if mount is not None and mount.kind in BY_DESIGN:
            continue
        size = shown.f_frsize
        sizes = (shown.f_blocks * size, shown.f_bavail * size)
        found[status.st_dev] = Disk(path, *sizes, shown.f_files, shown.f_favail)
    return tuple(found.values())


def read_only(among: tuple[Mount, ...], fstab: Path, paths: Iterable[str]) -> dict[str, bool]:
    """Mount point of each path > did it go read-only without being meant so?"""
    found = {}
    for path in paths:
        mount = holding(path, among)
        if mount is not None:
            found[mount.point] = mount.read_only and mount.kind not in BY_DESIGN
    if any(found.values()):  # seldom: only then fstab is asked
        meant = attempt(_meant, fstab) or frozenset()
        found = {point: gone and point not in meant for point, gone in found.items()}
    return found


def _meant(fstab: Path) -> frozenset[str]:
    """Mount points it wants read-only. OSError."""
    rows = (line.split() for line in text(fstab).splitlines() if not line.lstrip().startswith("#"))
    return frozenset(row[1] for row in rows if len(row) >= 4 and "ro" in row[3].split(","))


def _within(path: str, point: str) -> bool:
    return point == "/" or path == point or path.startswith(point + "/")
