# SPDX-License-Identifier: Apache-2.0
"""The undo journal: what must be put back, on disk before anything is changed.

JSON lines in one file (agent/mapek/journalline.py): a begin before an action, a done once it was undone. A
begin without its done is open and is replayed at start and by `python -m agent.undo`. Called from worker
threads; one process at a time (a lock file).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from pathlib import Path

from agent.mapek.journalline import DoneMark, OpenRecord, begin_line, done_line, parse_line
from agent.mapek.recordkinds import AVOIDING, DETACHING, FORGOTTEN, MUTING
from agent.remedies.base import UndoRecord

NAME = "undo.journal"
MAX_OPEN = 64  # more changes outstanding at once than a node has interfaces: something is wrong, stop acting
MAX_BYTES = 256 * 1024  # rewritten without its finished pairs beyond this
MAX_READ = 4 * 1024 * 1024  # a file larger than this is not ours; only its head is searched for records
MAX_LINE = 8 * 1024  # a record is a few hundred bytes; bounds one line


class JournalError(Exception):
    """The journal cannot be written or is in use; text says where and how to mend it."""


class JournalBusyError(JournalError):
    """A running agent has it."""


class Journal:
    """`open` it, `begin` before acting, `done` after undoing. `notes` says what was found wrong.

    `trouble` says why nothing can be written ("" where it can): nothing may be begun until `mend` clears it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.trouble = ""
        self._boot = ""
        self._guard = threading.Lock()
        self._open: dict[int, OpenRecord] = {}
        self._seq = 0
        self._size = 0
        self._fd = -1
        self._lock_fd = -1

    def open(self, boot: str = "") -> None:
        """Locks, reads, and rewrites it with the open records only. JournalError when used or unwritable.

        `boot`: id of this boot. Of records of another one those that a reboot undid by itself are dropped:
        putting such a link back would do it again, and beside the set-up. Without an id all are kept.
        """
        self._boot = boot
        self._lock()
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
            self._hold(os.open(f"{self.path}.lock", os.O_RDONLY | os.O_CLOEXEC))
        except JournalBusyError:
            raise
        except (OSError, JournalError) as error:
            self.notes.append(f"{self.path}.lock: {error}; read without the lock")
        try:
            with self.path.open("rb") as file:
                bad = self._take_all(file.read(MAX_READ))
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be read: {error}; put back by hand") from error
        if bad:
            self.notes.append(f"{self.path}: {bad} lines are no records and were ignored")

    def mend(self) -> bool:
        """Tries to write again after trouble; is it over?"""
        with self._guard:
            if self._lock_fd < 0:
                return False
            try:
                self._rewrite()
            except OSError as error:
                self.trouble = self._unwritable(error)
            return not self.trouble

    def close(self) -> None:
        """Gives the lock back."""
        with self._guard:
            for fd in (self._fd, self._lock_fd):
                if fd >= 0:
                    os.close(fd)
            self._fd = self._lock_fd = -1

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
                if self._size > MAX_BYTES:
                    self._rewrite()
            except (JournalError, OSError) as error:
                self.notes.append(f"change {seq} is undone but could not be marked so: {error}")

    def _lock(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(
                f"{self.path}.lock: {error}; make the state directory writable for the agent"
            ) from error
        self._hold(fd)

    def _hold(self, fd: int) -> None:
        """Takes the lock on this descriptor, or closes it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise JournalBusyError(
                f"{self.path} is in use by a running agent; stop that one first"
            ) from error
        except OSError as error:
            os.close(fd)
            raise JournalError(
                f"{self.path}.lock: {error}; the state directory's file system must know flock"
            ) from error
        self._lock_fd = fd

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_READ + 1)
        except FileNotFoundError:
            return b""
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
        broken = self.path.with_name(self.path.name + ".broken")
        try:
            if content:
                broken.write_bytes(content)
            else:
                self.path.replace(broken)
            kept = f"kept as {broken}"
        except OSError as error:
            kept = f"could not be kept: {error}"
        self.notes.append(
            f"{self.path}: {bad} lines are no records and were ignored, "
            f"{len(self._open)} good ones are open; {kept}"
        )

    def _rewrite(self) -> None:
        """Only the open records, atomically."""
        content = b"".join(begin_line(entry) for entry in self._open.values())
        new = self.path.with_name(self.path.name + ".new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, content)
            os.fsync(fd)
            new.replace(self.path)
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size, self.trouble = fd, len(content), ""

    def _unwritable(self, error: OSError) -> str:
        return f"{self.path}: {error}; free space or mend the file system, until then nothing is done"

    def _append(self, line: bytes) -> None:
        if self._lock_fd < 0:
            raise JournalError(f"{self.path} is not open")
        try:
            if self._fd < 0:  # it could not be written at start: try again now
                self._rewrite()
            os.lseek(self._fd, self._size, os.SEEK_SET)
            _write_all(self._fd, line)
            os.fsync(self._fd)
        except OSError as error:
            if self._fd >= 0:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self._size)  # no half line before the next one
            self.trouble = self._unwritable(error)
            raise JournalError(self.trouble) from error
        self._size += len(line)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
