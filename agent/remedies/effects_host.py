# SPDX-License-Identifier: Apache-2.0
"""What actions may do to the machine itself: `effector.host`. Implemented by agent/effects/host.py."""

from __future__ import annotations

from typing import Protocol


class HostEffects(Protocol):
    """Every method raises ActionError where the system refuses. Sizes in bytes."""

    def shrink_own_files(self) -> int:
        """Old records of the agent's own knowledge, set-aside files and logs of its services: bytes freed."""
        ...

    def vacuum_journal(self, keep: int) -> int:
        """The system journal cut down to `keep` bytes: bytes freed."""
        ...

    def drop_old_logs(self, path: str, wanted: int, inodes: int) -> int:
        """Rotated logs on the file system of `path`, oldest first, until `wanted` are free: bytes freed."""
        ...

    def return_memory(self) -> int:
        """What the agent holds and does not need: bytes returned to the system."""
        ...

    def set_clock(self, offset_s: float) -> None:
        """Wall time becomes the time since boot plus so many seconds."""
        ...

    def restart_time_service(self, unit: str) -> None:
        """Again from its start, if it runs."""
        ...

    def neighbour_limits(self, table: str) -> tuple[int, int] | None:
        """(gc_thresh2, gc_thresh3) of "arp_cache" or "ndisc_cache", None where there is no such table."""
        ...

    def set_neighbour_limits(self, table: str, soft: int, hard: int) -> None:
        """From now on."""
        ...

    def rest(self, resting: bool) -> None:
        """The agent looks half as often and in no bursts, or as usual again."""
        ...
