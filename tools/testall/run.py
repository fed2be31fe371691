# SPDX-License-Identifier: Apache-2.0
"""Runs a program within its time and ends whatever it left: QEMU is a daemon and outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.lab import claim, lifecycle, state

MARK = "X0_TESTALL_RUN"  # environment, inherited by all that a run starts: how its processes are known
GRACE_S = 60.0  # after SIGINT, for pytest to end its labs and to tell; then SIGKILL
END_S = 5.0  # for one left process to end on SIGTERM
POLL_S = 0.05


@dataclass(frozen=True)
class Run:
    """What a program did. `broken_off`: None, timeout or interrupted. `left`: processes it had left."""

    code: int
    seconds: float
    broken_off: str | None
    left: int


def bounded(
    argv: Sequence[str], limit_s: float, *, cwd: Path, env: Mapping[str, str], grace_s: float = GRACE_S
) -> Run:
    """Run a program for at most limit_s + grace_s seconds, and end with it all that it started.

    A KeyboardInterrupt ends it as the time's end does, and is told in the result.
    """
    mark = uuid.uuid4().hex
    began = time.monotonic()
    process = subprocess.Popen(
        argv, cwd=cwd, env={**env, MARK: mark}, stdin=subprocess.DEVNULL, start_new_session=True
    )
    broken_off = None
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        broken_off = "timeout"
    except KeyboardInterrupt:
        broken_off = "interrupted"
    try:
        if process.poll() is None:
            with suppress(KeyboardInterrupt):  # asked twice: at once then, but with what was recorded
                _end(process, grace_s)
    finally:
        left = sweep(mark, process.pid)
    return Run(process.returncode, time.monotonic() - began, broken_off, left)


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    # pytest alone: it ends what it started, and programs that it waits for are not taken from under it
    process.send_signal(signal.SIGINT)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        pass  # it had its time
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def sweep(mark: str, starter: int) -> int:
    """End what carries the mark, and labs that `starter` began; return how many processes were left."""
    pids = marked(mark)
    for folder in state.LABS.glob("*/"):
        if {*_numbers(folder)} & {*pids, starter}:
            lifecycle.down(folder.name)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked(mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        deadline = time.monotonic() + END_S
        while marked(mark) and time.monotonic() < deadline:
            time.sleep(POLL_S)
    return len(pids)


def marked(mark: str) -> list[int]:
    """Return the processes that were started with the mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _numbers(folder: Path) -> list[int]:
    texts = []
    for path in (*folder.glob("*.pid"), folder / claim.STARTER):
        with suppress(OSError):
            texts.append(path.read_text().strip())
    return [int(text) for text in texts if text.isdecimal()]
