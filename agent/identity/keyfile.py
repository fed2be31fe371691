# SPDX-License-Identifier: Apache-2.0
"""Files of keys and identity: read only where nobody else could, replaced in one step or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from agent.identity.errors import KeyFileError
from agent.identity.limits import KEY_FILE_BYTES

PRIVATE, PUBLIC = 0o600, 0o644
NAME_CHARS = 80  # of the draft's name, so that it fits with our ending


def read_private(path: Path, max_bytes: int = KEY_FILE_BYTES) -> bytes:
    """A file that holds secrets. KeyFileError where others could read or write it: it may be known."""
    data, found = _read(path, max_bytes)
    if found.st_mode & 0o077:
        raise KeyFileError(
            f"{path} can be read or written by others (mode {stat.S_IMODE(found.st_mode):o}), may be known",
            f"if nobody else had an account here: chmod 600 {path}; else make the key anew",
        )
    if found.st_uid not in (0, os.geteuid()):
        raise KeyFileError(
            f"{path} belongs to user {found.st_uid}, not to us", f"chown it, or make it anew: {path}"
        )
    return data


def read_public(path: Path, max_bytes: int = KEY_FILE_BYTES) -> bytes:
    """A file without secrets."""
    return _read(path, max_bytes)[0]


def write(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Replaces the file in one step; after a power cut it is the old or the new one, whole.

    KeyFileError where that fails (full disk, read-only card): then the old one is as it was.
    """
    draft = path.with_name(f".{path.name[:NAME_CHARS]}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123  of a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise KeyFileError(
            f"{path} cannot be written ({error.strerror or error}); what was there before is still in force",
            "free space, or make the folder writable; it is tried again",
        ) from None


def _read(path: Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo must not hold us
        with open(descriptor, "rb") as file:  # noqa: PTH123  of a descriptor
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise KeyFileError(f"{path} is no ordinary file", "remove it; it is made anew")
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise KeyFileError(
            f"{path} cannot be read ({error.strerror or error})", "is the path right, and may we read it?"
        ) from None
    if len(data) > max_bytes:
        raise KeyFileError(
            f"{path} has more than {max_bytes} bytes, so it is not what we wrote", "restore it from a backup"
        )
    return data, found


def _sync_folder(folder: Path) -> None:
    """The new name on the medium, too. Some file systems cannot; the file itself is."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
