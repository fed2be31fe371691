# SPDX-License-Identifier: Apache-2.0
"""What the loop keeps on disk: the undo journal, opened and mended, and the store, written now and then.

While the journal is in trouble nothing is repaired; the loop goes on watching.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from agent.mapek.journal import Journal
from agent.mapek.journalfile import JournalError
from agent.mapek.leftovers import Leftovers, Replay
from agent.mapek.tick import Emit
from agent.mapek.worker import Worker
from agent.store import Store

FLUSH_EVERY = 30.0  # s between writes of what nobody waits for
MEND_EVERY = 5.0  # s between two tries to write a journal or store that could not be written


class Persistence:
    """`replay` undoes records; `ready` says whether the mesh stands, `boot` is this boot's id.

    Writes run in a thread of their own.
    """

    def __init__(
        self,
        journal: Journal,
        store: Store,
        replay: Replay,
        ready: Callable[[], bool],
        emit: Emit,
        clock: Callable[[], float],
        *,
        boot: str = "",
    ) -> None:
        self.journal = journal
        self.store = store
        self.trouble = ""  # the journal's
        self.leftovers = Leftovers(journal, replay, ready, emit, clock)
        self._replay = replay
        self._boot = boot
        self._emit = emit
        self._clock = clock
        self._opened = False  # the journal
        self._mended = clock()
        self._flushed = clock()
        self._flush: asyncio.Future[bool] | None = None
        self._writer = Worker("x0-store")

    def start(self) -> None:
        """Opens the journal; what a former run left changed is put back as soon as the mesh stands."""
        self._mended = self._clock()
        try:
            self.journal.open(self._boot)
        except JournalError as error:
            self._say_trouble(str(error))
            return
        self._opened = True
        self.say_notes()
        self.leftovers.found()
        self.leftovers.go_on()

    def mend(self) -> None:
        """Now and then: is the journal's trouble over? What an earlier run left is put back, too."""
        self.leftovers.go_on()
        if not self.trouble or self._clock() - self._mended < MEND_EVERY:
            return
        if self._opened:
            self._mended = self._clock()
            self._writer.submit(self.journal.mend)
        else:
            self.start()

    def look(self) -> None:
        """Says when the journal's trouble begins or ends."""
        if self._opened:
            self._say_trouble(self.journal.trouble)

    def write(self) -> None:
        """The store's queue to disk, in its own thread."""
        self._flushed = self._clock()
        if self._flush is None or self._flush.done():
            self._flush = self._writer.submit(self.store.flush)

    def write_if_due(self, now: float) -> None:
        """The same, now and then."""
        if now - self._flushed >= (MEND_EVERY if self.store.trouble else FLUSH_EVERY):
            self.write()

    def say_notes(self) -> None:
        """What journal and store found wrong since the last time."""
        for notes in (self.journal.notes, self.store.notes):
            for note in notes:
                self._emit("note", note, {})
            notes.clear()

    async def put_back(self, limit: float) -> None:
        """At the end: every change still open, within so many seconds."""
        if self._opened and self.journal.open_records():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self.leftovers.settle()
                    count, failed = await self._replay(None)
                self._emit("replay", f"{count} changes were put back", {"failed": len(failed)})

    def close(self) -> None:
        """Writes what is queued and gives both back."""
        self._writer.close()
        self.store.close()
        self.journal.close()

    def _say_trouble(self, trouble: str) -> None:
        before, self.trouble = self.trouble, trouble
        if trouble and trouble != before:
            self._emit("journal-trouble", f"nothing will be repaired: {trouble}", {})
        elif before and not trouble:
            self._emit("journal-ready", "the undo journal can be written: repairs are possible again", {})
