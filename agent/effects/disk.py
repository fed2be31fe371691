# SPDX-License-Identifier: Apache-2.0
"""Making room on a full disk: the agent's own files, the system journal, rotated logs; nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.effects.program import run
from agent.remedies.base import ActionError

LOGS = Path("/var/log")
# As logrotate and savelog name them: x.log.1, x.log.old, x.log.2.gz, x.log-20261123.xz; never a log in use
ROTATED = re.compile(r".+\.(\d{1,3}|old|gz|xz|bz2|zst|lzma)", re.ASCII)
MAX_FILES = 4096  # looked at below /var/log
MAX_DEPTH = 3
JOURNALCTL_S = 20.0  # s it may take: it unlinks files, which a slow card does at some a second
BROKEN = "*.broken*"  # damaged files of ours, kept aside for a person


def free(path: str | Path) -> int:
    """Bytes an ordinary user may still write there. ActionError."""
    try:
        shown = os.statvfs(path)
    except OSError as error:
        raise ActionError(f"looking for free space at {path}: {error.strerror}") from error
    return shown.f_bavail * shown.f_frsize


def free_inodes(path: str | Path) -> int:
    """Files an ordinary user may still make there. ActionError."""
    try:
        return os.statvfs(path).f_favail
    except OSError as error:
        raise ActionError(f"looking for free inodes at {path}: {error.strerror}") from error


def _room(path: str, wanted: int, inodes: int) -> bool:
    return free(path) >= wanted and (not inodes or free_inodes(path) >= inodes)


def drop_set_aside(state_dir: Path) -> int:
    """Damaged files of ours that were kept for a look: bytes freed."""
    freed = 0
    for path in sorted(state_dir.glob(BROKEN)):
        with contextlib.suppress(OSError):
            size = path.lstat().st_size
            path.unlink()
            freed += size
    return freed


def vacuum_journal(keep: int) -> int:
    """Archived files of the system journal beyond `keep` bytes: bytes freed. ActionError."""
    program = shutil.which("journalctl")
    if program is None:
        raise ActionError("making the system journal smaller: there is none on this machine")
    before = free(LOGS)
    argv = [program, "--rotate", f"--vacuum-size={keep}"]
    run("making the system journal smaller", argv, JOURNALCTL_S, "journalctl --disk-usage")
    return max(0, free(LOGS) - before)


def drop_old_logs(path: str, wanted: int, inodes: int, logs: Path = LOGS) -> int:
    """Rotated logs on the file system of `path`, oldest first, until there is room: bytes freed. ActionError.

    `wanted`, `inodes`: how many bytes and inodes shall be free; where they are already nothing is removed.
    """
    try:
        device = Path(path).stat().st_dev
    except OSError as error:
        raise ActionError(f"removing old logs: {path}: {error.strerror}") from error
    freed, removed, refused = 0, 0, ""
    for _, size, log in sorted(_rotated(logs, device)):
        if _room(path, wanted, inodes):
            break
        try:
            log.unlink()
            freed, removed = freed + size, removed + 1
        except OSError as error:
            refused = f"{log}: {error.strerror}"
    if not removed and not _room(path, wanted, inodes):
        raise ActionError(f"removing old logs: {refused or f'there are no rotated ones in {logs}'}")
    return freed


def _rotated(folder: Path, device: int) -> Iterator[tuple[float, int, Path]]:
    """(last written, size, path) of each, never through a symbolic link or onto another file system."""
    left = MAX_FILES
    for place, below, names in os.walk(folder):
        if place == str(folder) and "journal" in below:
            below.remove("journal")  # journald's own: it is asked to make it smaller
        if len(Path(place).relative_to(folder).parts) >= MAX_DEPTH:
            below.clear()
        for name in names:
            left -= 1
            if left < 0:
                return
            if ROTATED.fullmatch(name) is None:
                continue
            path = Path(place, name)
            with contextlib.suppress(OSError):
                shown = path.lstat()
                if shown.st_dev == device and stat.S_ISREG(shown.st_mode):
                    yield shown.st_mtime, shown.st_blocks * 512, path
