# SPDX-License-Identifier: Apache-2.0
"""The undo journal: what must be put back, on disk before anything is changed.

JSON lines in one file (agent/mapek/journalline.py): a begin before an action, a done once it was undone. A
begin without its done is open and is replayed at start and by `python -m agent.undo`. Called from worker
threads; one process at a time (agent/mapek/journalfile.py).
"""

from __future__ import annotations

import threading
from pathlib import Path

from agent.mapek.journalfile import JournalBusyError, JournalError, JournalFile
from agent.mapek.journalline import DoneMark, OpenRecord, begin_line, done_line, parse_line
from agent.mapek.recordkinds import AVOIDING, DETACHING, FORGOTTEN, MUTING, RESTING
from agent.remedies.base import UndoRecord

NAME = "undo.journal"
MAX_OPEN = 64  # more changes outstanding at once than a node has interfaces: something is wrong, stop acting
MAX_BYTES = 256 * 1024  # rewritten without its finished pairs beyond this
MAX_READ = 4 * 1024 * 1024  # a file larger than this is not ours; only its head is searched for records
MAX_LINE = 8 * 1024  # a record is a few hundred bytes; bounds one line


class Journal:
    """`open` it, `begin` before acting, `done` after undoing. `notes` says what was found wrong.

    `trouble` says why nothing can be written ("" where it can): nothing may be begun until `mend` clears it.
    """

    def __init__(self, path: Path) -> None:
        self.notes: list[str] = []
        self.trouble = ""
        self._boot = ""
        self._guard = threading.Lock()
        self._open: dict[int, OpenRecord] = {}
        self._seq = 0
        self._file = JournalFile(path)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    def open(self, boot: str = "") -> None:
        """Locks, reads, and rewrites it with the open records only. JournalError when used or unwritable.

        `boot`: id of this boot. Of records of another one those that a reboot undid by itself are dropped:
        putting such a link back would do it again, and beside the set-up. Without an id all are kept.
        """
        self._boot = boot
        self._file.lock()
        content = self._read()
        if bad := self._take_all(content):
            self._set_aside(content, bad)
        self._drop_other_boots()
        try:
            self._rewrite()
        except OSError as error:
            self.trouble = self._unwritable(error)

    def open_read_only(self) -> None:
        """Where `open` fails because nothing can be written: `done` may then be noted only.

        JournalBusyError where a running agent has it, JournalError where it cannot be read.
        """
        try:
            self._file.lock_existing()
        except JournalBusyError:
            raise
        except (OSError, JournalError) as error:
            self.notes.append(f"{self.path}.lock: {error}; read without the lock")
        try:
            bad = self._take_all(self._file.read(MAX_READ))
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be read: {error}; put back by hand") from error
        if bad:
            self.notes.append(f"{self.path}: {bad} lines are no records and were ignored")

    def mend(self) -> bool:
        """Tries to write again after trouble; is it over?"""
        with self._guard:
            if not self._file.locked:
                return False
            try:
                self._rewrite()
            except OSError as error:
                self.trouble = self._unwritable(error)
            return not self.trouble

    def close(self) -> None:
        """Gives the lock back."""
        with self._guard:
            self._file.close()

    def open_records(self) -> tuple[OpenRecord, ...]:
        """What is not undone, oldest first."""
        with self._guard:
            return tuple(self._open.values())

    def detached(self) -> frozenset[str]:
        """Hardifs held out of the mesh by an action (View.detached)."""
        return self._hardifs(DETACHING)

    def avoided(self) -> frozenset[str]:
        """Hardifs an action said to carry next to nothing (View.avoided)."""
        return self._hardifs(AVOIDING)

    def muted(self) -> frozenset[str]:
        """`hardif/MAC` of each neighbour an action left out of the mesh (View.muted)."""
        return frozenset(
            f"{entry.record.args.get('hardif', '')}/{entry.record.args.get('neighbour', '')}"
            for entry in self.open_records()
            if entry.record.action in MUTING
        )

    def resting(self) -> bool:
        """Does an action spare the machine (View.resting)?"""
        return any(entry.record.action in RESTING for entry in self.open_records())

    def _hardifs(self, actions: frozenset[str]) -> frozenset[str]:
        return frozenset(
            entry.record.args.get("hardif", "")
            for entry in self.open_records()
            if entry.record.action in actions
        )

    def begin(self, record: UndoRecord, episode: str, wall: float) -> int:
        """On disk when it returns. JournalError: then nothing may be changed."""
        with self._guard:
            if len(self._open) >= MAX_OPEN:
                raise JournalError(
                    f"{self.path}: {MAX_OPEN} changes are not undone yet; look at them before more is done"
                )
            entry = OpenRecord(self._seq + 1, record, episode, wall, self._boot)
            line = begin_line(entry)
            if len(line) > MAX_LINE:
                raise JournalError(
                    f"{self.path}: a record of {len(line)} bytes, at most {MAX_LINE} are allowed"
                )
            self._append(line)
            self._seq = entry.seq
            self._open[entry.seq] = entry
            return entry.seq

    def done(self, seq: int) -> None:
        """It is undone. One that cannot be written is noted: undoing twice does no harm, forgetting does."""
        with self._guard:
            if self._open.pop(seq, None) is None:
                return
            try:
                self._append(done_line(seq))
                if self._file.size > MAX_BYTES:
                    self._rewrite()
            except (JournalError, OSError) as error:
                self.notes.append(f"change {seq} is undone but could not be marked so: {error}")

    def _read(self) -> bytes:
        try:
            content = self._file.read(MAX_READ + 1)
        except OSError as error:
            self.notes.append(f"{self.path}: cannot be read ({error}); moved aside if possible")
            self._set_aside(b"", 1)
            return b""
        if len(content) > MAX_READ:
            self.notes.append(f"{self.path} is larger than {MAX_READ} bytes; only its head was read")
        return content[:MAX_READ]

    def _take_all(self, content: bytes) -> int:
        """The file's records into the state; how many lines are none."""
        lines = content.split(b"\n")
        torn = lines.pop()  # "" after a whole last line; a torn one was never acted on
        bad = sum(1 for line in lines if line and not self._take(line))
        if torn and not self._take(torn):
            self.notes.append(f"{self.path}: the last line was torn and is ignored")
        return bad

    def _take(self, line: bytes) -> bool:
        """One line into the state; False where it is no record."""
        entry = parse_line(line)
        if entry is None:
            return False
        if isinstance(entry, DoneMark):
            self._open.pop(entry.seq, None)
        elif len(self._open) < MAX_OPEN:
            self._open[entry.seq] = entry
        self._seq = max(self._seq, entry.seq)
        return True

    def _drop_other_boots(self) -> None:
        if not self._boot:
            return
        void = [
            entry
            for entry in self._open.values()
            if entry.boot and entry.boot != self._boot and entry.record.action in FORGOTTEN
        ]
        for entry in void:
            del self._open[entry.seq]
        if void:
            what = ", ".join(f"{entry.record.action} {entry.record.args}" for entry in void)
            self.notes.append(f"{self.path}: the reboot has undone what was done before it: {what}")

    def _set_aside(self, content: bytes, bad: int) -> None:
        kept = self._file.set_aside(content)
        self.notes.append(
            f"{self.path}: {bad} lines are no records and were ignored, "
            f"{len(self._open)} good ones are open; {kept}"
        )

    def _rewrite(self) -> None:
        """Only the open records, atomically."""
        self._file.replace(b"".join(begin_line(entry) for entry in self._open.values()))
        self.trouble = ""

    def _unwritable(self, error: OSError) -> str:
        return f"{self.path}: {error}; free space or mend the file system, until then nothing is done"

    def _append(self, line: bytes) -> None:
        if not self._file.locked:
            raise JournalError(f"{self.path} is not open")
        try:
            if not self._file.writable:  # it could not be written at start: try again now
                self._rewrite()
            self._file.append(line)
        except OSError as error:
            self.trouble = self._unwritable(error)
            raise JournalError(self.trouble) from error
