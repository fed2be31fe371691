# SPDX-License-Identifier: Apache-2.0
"""Finding and signalling processes by /proc: this side sees the processes of every node."""

import os
from pathlib import Path

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    """Return the children of a process; empty when it is gone."""
    try:
        return [int(word) for word in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []


def name_of(pid: int) -> str:
    """Return a process's name, "" when it is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def entered(pid: int) -> int:
    """Return the process that `nsenter` or `unshare` started on our behalf: the one a signal is meant for."""
    while name_of(pid) in ("nsenter", "unshare"):
        below = children(pid)
        if not below:
            return pid
        pid = below[0]
    return pid


def in_namespace(holder: int, name: str) -> list[int]:
    """Return the processes called `name` that live in the PID namespace of process `holder`."""
    namespace = (PROC / str(holder) / "ns" / "pid").readlink()
    found: list[int] = []
    for entry in PROC.iterdir():
        if entry.name.isdigit() and name_of(int(entry.name)) == name:
            try:
                if (entry / "ns" / "pid").readlink() == namespace:
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended meanwhile
    return found


def send(pid: int, number: int) -> None:
    """Send a signal; a process that is gone is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
