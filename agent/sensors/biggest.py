# SPDX-License-Identifier: Apache-2.0
"""The biggest processes of the machine, looked for only where memory is short: 5 ms for 100 processes."""

from __future__ import annotations

import itertools
from pathlib import Path

from agent.hostreadings import Process
from agent.sensors.reading import attempt, text, word

MAX_PROCESSES = 512  # looked at; a router runs about 100
SHOWN = 3


def biggest(proc: Path, page: int) -> tuple[Process, ...]:
    """The SHOWN biggest by resident memory, the biggest first; none where /proc cannot be read."""
    try:
        names = [path.name for path in itertools.islice(proc.iterdir(), 4 * MAX_PROCESSES)]
    except OSError:
        return ()
    sizes: list[tuple[int, int]] = []
    for pid in [int(name) for name in names if name.isascii() and name.isdigit()][:MAX_PROCESSES]:
        pages = attempt(_resident, proc / str(pid))
        if pages:
            sizes.append((pages * page, pid))
    found = []
    for rss, pid in sorted(sizes, reverse=True)[:SHOWN]:
        name = attempt(word, proc / str(pid) / "comm")
        found.append(Process(pid, (name or "unknown")[:16], rss))
    return tuple(found)


def _resident(process: Path) -> int:
    """Pages."""
    return int(text(process / "statm").split()[1])
