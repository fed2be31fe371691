# SPDX-License-Identifier: Apache-2.0
"""What an earlier run left changed: put back once the mesh is set up, tried again until it is.

No episode owns these records, so nobody else would ever close them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from agent.faults.base import View
from agent.mapek.holding import BACK_S, in_mesh
from agent.mapek.journal import Journal
from agent.mapek.recordkinds import DETACHING
from agent.mapek.tick import Emit

RETRY_FIRST = 1.0  # s after the first try that failed, doubled each time
RETRY_MAX = 60.0  # s; putting back is never given up
RETRY_STEPS = 8  # doublings looked at: 2^8 s exceeds the longest wait already

# undoes these records (None: all): how many were, and what failed
Replay: TypeAlias = Callable[[set[int] | None], Coroutine[Any, Any, tuple[int, list[str]]]]


class Leftovers:
    """Event loop only; the undoing itself runs in a worker, the loop never waits for it.

    `ready()`: does the configured mesh stand? A link put back before the primary would become the primary.
    """

    def __init__(
        self,
        journal: Journal,
        replay: Replay,
        ready: Callable[[], bool],
        emit: Emit,
        clock: Callable[[], float],
    ) -> None:
        self.trouble = ""  # why something is not put back yet
        self._journal, self._replay, self._ready = journal, replay, ready
        self._emit, self._clock = emit, clock
        self._seqs: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._due = float("-inf")
        self._failures = 0
        self._back_at: dict[str, float] = {}  # interface > dump that first showed it in the mesh again
        self._void: set[str] = set()  # those that stayed there: said, and tried at once, only the first time

    def found(self) -> None:
        """The journal was just opened: everything open in it is an earlier run's."""
        self._seqs = {entry.seq for entry in self._journal.open_records()}

    def look(self, view: View) -> None:
        """An interface in the mesh again without our doing is held no more: its record is closed at once.

        Its undo finds nothing to do. Without this a link would count as held out that is in use.
        """
        if not self._seqs:
            return
        held = {
            entry.record.args.get("hardif", "")
            for entry in self._journal.open_records()
            if entry.seq in self._seqs and entry.record.action in DETACHING
        }
        mesh, back = view.snapshot.mesh, in_mesh(view) & held
        if mesh is None or self._task is not None:
            return
        self._back_at = {name: self._back_at.get(name, mesh.hardifs_at) for name in back}
        void = {name for name, at in self._back_at.items() if mesh.hardifs_at - at >= BACK_S}
        fresh, self._void = void - self._void, void
        if fresh:
            self._due = float("-inf")
            names = ", ".join(sorted(fresh))
            self._emit("note", f"{names} in {view.mesh_name} again without our doing: its hold is void", {})

    def go_on(self) -> None:
        """Begins a try where one is due."""
        if self._seqs and self._task is None and self._clock() >= self._due and self._ready():
            self._task = asyncio.create_task(self._try(set(self._seqs)))
            self._task.add_done_callback(self._ended)

    async def settle(self) -> None:
        """Waits for a try under way."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _try(self, seqs: set[int]) -> None:
        count, failed = await self._replay(seqs)
        open_now = {entry.seq for entry in self._journal.open_records()}
        self._seqs &= open_now
        if count:
            self._emit("replay", f"{count} changes of a former run were put back", {"failed": len(failed)})
        if not self._seqs:
            self.trouble = ""
            return
        wait = min(RETRY_MAX, RETRY_FIRST * 2.0 ** min(self._failures, RETRY_STEPS))
        self._failures += 1
        self._due = self._clock() + wait
        trouble = "; ".join(failed)
        if trouble != self.trouble:  # once, however often it is tried
            self._emit("undo-failed", f"{trouble}; tried again until it succeeds", {})
        self.trouble = trouble

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures += 1
            self._due = self._clock() + RETRY_MAX
            self._emit("undo-failed", f"what a former run left could not be put back: {error!r}", {})
