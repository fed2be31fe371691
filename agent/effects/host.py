# SPDX-License-Identifier: Apache-2.0
"""The machine as actions may change it: `effector.host`. Blocking, for the executor's worker thread."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

from agent.effects import disk
from agent.effects.program import run
from agent.kernel import clock
from agent.kernel.errors import KernelError
from agent.kernel.neightables import NeighbourLimits, NeighbourTables
from agent.remedies.base import ActionError

SYSTEMCTL_S = 10.0  # s for one systemctl
WORTH = 1_000_000  # bytes; what gave less has not made room: the next action is tried at once


def _unchanged(_resting: bool) -> None:
    return


class KernelHost:
    """`shrink()`: the knowledge store's, bytes freed. `rest(on)`: the loop's; safe from any thread."""

    def __init__(
        self,
        state_dir: Path | None = None,
        shrink: Callable[[], int] = lambda: 0,
        rest: Callable[[bool], None] = _unchanged,
        tables: NeighbourTables | None = None,
    ) -> None:
        self._state_dir, self._shrink, self._rest = state_dir, shrink, rest
        self._tables = tables or NeighbourTables()

    def shrink_own_files(self) -> int:
        """Old records and set-aside files of the agent: bytes freed."""
        freed = self._shrink() + (disk.drop_set_aside(self._state_dir) if self._state_dir else 0)
        if freed < WORTH:
            raise ActionError(f"making the agent's own files smaller gave {freed} bytes: they hold no more")
        return freed

    def vacuum_journal(self, keep: int) -> int:
        """The system journal cut down to `keep` bytes: bytes freed."""
        freed = disk.vacuum_journal(keep)
        if freed < WORTH:
            raise ActionError(f"making the system journal smaller gave {freed} bytes: it holds no more")
        return freed

    def drop_old_logs(self, path: str, wanted: int, inodes: int) -> int:
        """Rotated logs, oldest first, until `wanted` bytes are free: bytes freed."""
        return disk.drop_old_logs(path, wanted, inodes)

    def return_memory(self) -> int:
        """Collects what is unreachable and gives free pages back (glibc): bytes returned."""
        before = _resident()
        gc.collect()
        with contextlib.suppress(AttributeError):  # musl has none and keeps little
            ctypes.CDLL(None).malloc_trim(0)
        return max(0, before - _resident())

    def set_clock(self, offset_s: float) -> None:
        """Wall time becomes the time since boot plus so many seconds."""
        try:
            clock.set_offset(offset_s)
        except KernelError as error:
            raise ActionError(str(error)) from error

    def restart_time_service(self, unit: str) -> None:
        """By systemctl; one that does not run stays so."""
        argv = ["systemctl", "try-restart", unit]
        run(f"restarting {unit}", argv, SYSTEMCTL_S, f"systemctl status {unit}")

    def neighbour_limits(self, table: str) -> tuple[int, int] | None:
        """(gc_thresh2, gc_thresh3), None where there is no such table."""
        try:
            return self._tables.limits().get(table)
        except KernelError as error:
            raise ActionError(str(error)) from error

    def set_neighbour_limits(self, table: str, soft: int, hard: int) -> None:
        """From now on, for the whole machine."""
        try:
            self._tables.set(table, NeighbourLimits(soft, hard))
        except KernelError as error:
            raise ActionError(str(error)) from error

    def rest(self, resting: bool) -> None:
        """The agent looks half as often and in no bursts, or as usual again."""
        self._rest(resting)

    def close(self) -> None:
        """Close the socket."""
        self._tables.close()


def _resident() -> int:
    try:
        fields = Path("/proc/self/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
