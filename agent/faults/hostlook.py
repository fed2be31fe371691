# SPDX-License-Identifier: Apache-2.0
"""What the faults of the machine share: how long a sign has held, and sizes in words. Pure."""

from __future__ import annotations

from collections.abc import Callable

from agent.faults.base import View
from agent.hostreadings import Host

SUSPECT_S = 25.0  # a sign that has held so long is no longer suspected: looking closer tells nothing new
UNITS = ("B", "KB", "MB", "GB", "TB")


def held_for(view: View, bad: Callable[[Host], bool]) -> float:
    """Seconds for which every reading was bad, as far back as the history goes; below 0: this one is not."""
    host = view.snapshot.host
    if host is None or not bad(host):
        return -1.0
    since = view.now
    for snapshot in reversed(view.history):
        if snapshot.host is None or not bad(snapshot.host):
            break
        since = snapshot.at
    return max(0.0, view.now - since)


def size(count: float) -> str:
    """In words: 512 B, 3.2 MB, 40 GB."""
    unit = 0
    while count >= 1000 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.1f} {UNITS[unit]}" if unit and count < 10 else f"{count:.0f} {UNITS[unit]}"
