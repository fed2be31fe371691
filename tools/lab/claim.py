# SPDX-License-Identifier: Apache-2.0
"""Whose a lab is: of two that start a lab of one name the second is told so, and each ends only its own."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.lab import state
from tools.lab.errors import NoLabError, UsageError

STARTER = "starter"  # file in a lab's folder: the process id that started it


@contextmanager
def starting(name: str, end: Callable[[str], object]) -> Iterator[Path]:
    """Hold a lab's name while it is started; give its new folder. `end` removes what a dead starter left.

    Raises UsageError when a lab of that name runs or is being started. A starter that is killed releases it.
    """
    folder = state.folder(name)
    state.LABS.mkdir(parents=True, exist_ok=True)
    with _locked(state.LABS):
        _refuse_taken(name)
        end(name)
        folder.mkdir(mode=0o700)
        (folder / STARTER).write_text(str(os.getpid()))
        lock = _lock(folder)
    try:
        yield folder
    finally:
        os.close(lock)


def ours(name: str) -> bool:
    """Whether this process started the lab."""
    try:
        return (state.folder(name) / STARTER).read_text() == str(os.getpid())
    except OSError:
        return False


def _refuse_taken(name: str) -> None:
    folder = state.folder(name)
    if not folder.exists():
        return
    try:
        os.close(_lock(folder, fcntl.LOCK_NB))
    except BlockingIOError:
        raise UsageError(
            f"lab {name!r} is being started by another process; wait for it or choose another --name"
        ) from None
    if not (folder / "lab.json").exists():
        return  # its starter was killed
    try:
        machines = state.load(name).machines
    except NoLabError as error:
        raise UsageError(str(error)) from error
    if any(state.owns(machine.pid, name) for machine in machines):
        raise UsageError(
            f"lab {name!r} runs already; end it (lab down --name {name}) or choose another --name"
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = _lock(folder)
    try:
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, how: int = 0) -> int:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # not inherited: QEMU must not keep it
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
    except BaseException:
        os.close(handle)
        raise
    return handle
