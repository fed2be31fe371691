# SPDX-License-Identifier: Apache-2.0
"""The undo journal's file: one process at a time, on disk when a call returns, never a half line.

Beside it lie `NAME.lock` and, where it had to be set aside, `NAME.broken`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class JournalError(Exception):
    """The journal cannot be written or is in use; text says where and how to mend it."""


class JournalBusyError(JournalError):
    """A running agent has it."""


class JournalFile:
    """`lock` it, `replace` its content, then `append`. What the system refuses is an OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0  # bytes written
        self._fd = -1
        self._lock_fd = -1

    @property
    def locked(self) -> bool:
        """Is it ours?"""
        return self._lock_fd >= 0

    @property
    def writable(self) -> bool:
        """Was its content written, so that it can be appended to?"""
        return self._fd >= 0

    def lock(self) -> None:
        """Makes the folder and the lock. JournalError, also where another process has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(
                f"{self.path}.lock: {error}; make the state directory writable for the agent"
            ) from error
        self._hold(fd)

    def lock_existing(self) -> None:
        """Where nothing can be written. JournalError; OSError where there is none."""
        self._hold(os.open(f"{self.path}.lock", os.O_RDONLY | os.O_CLOEXEC))

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

    def read(self, limit: int) -> bytes:
        """So many bytes at most; b"" where there is none."""
        try:
            with self.path.open("rb") as file:
                return file.read(limit)
        except FileNotFoundError:
            return b""

    def set_aside(self, content: bytes) -> str:
        """What was read of it (all of it where nothing could be) is kept for people: where, in words."""
        broken = self.path.with_name(self.path.name + ".broken")
        try:
            if content:
                broken.write_bytes(content)
            else:
                self.path.replace(broken)
        except OSError as error:
            return f"could not be kept: {error}"
        return f"kept as {broken}"

    def replace(self, content: bytes) -> None:
        """This and nothing else, atomically."""
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
        self.end_writing()
        self._fd, self.size = fd, len(content)

    def append(self, line: bytes) -> None:
        """Where it is `writable`."""
        try:
            os.lseek(self._fd, self.size, os.SEEK_SET)
            _write_all(self._fd, line)
            os.fsync(self._fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)  # no half line before the next one
            raise
        self.size += len(line)

    def end_writing(self) -> None:
        """It stays locked."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        """Gives the lock back."""
        self.end_writing()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
        self._lock_fd = -1


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
