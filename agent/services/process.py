# SPDX-License-Identifier: Apache-2.0
"""Processes as /proc shows them, told apart by pid and start time, so that a pid used again is no mistake."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
MAX_CMDLINE = 65_536  # bytes of a command line that are compared
MAX_PIDS = 32_768  # entries of /proc looked at; the kernel's usual pid_max


class Process(msgspec.Struct, frozen=True):
    """A living process. `started` in clock ticks since boot; `stopped`: by SIGSTOP, or held by a debugger."""

    pid: int
    started: int
    stopped: bool = False

    def age(self) -> float:
        """Seconds since it started."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / TICKS)

    def same(self, other: Process | None) -> bool:
        """Is it the same process, seen at another time?"""
        return other is not None and (self.pid, self.started) == (other.pid, other.started)


def look(pid: int) -> Process | None:
    """The process with this pid; None where there is none or only a zombie (reaped if it is ours)."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes()
        fields = text[text.rindex(b")") + 2 :].split()  # the name before may contain anything
        state, started = fields[0], int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
    if state in {b"Z", b"X", b"x"}:
        reap(pid)
        return None
    return Process(pid, started, stopped=state in {b"T", b"t"})


def reap(pid: int) -> None:
    """Take the exit status of a child of ours; nothing where it is not ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def named(name: str) -> Process | None:
    """The oldest process with this command name (its first 15 characters, as the kernel keeps them)."""
    wanted, found = name.encode()[:15], None
    for entry in list(os.scandir(PROC))[:MAX_PIDS]:
        if not entry.name.isdigit():
            continue
        try:
            comm = (PROC / entry.name / "comm").read_bytes().rstrip(b"\n")
        except OSError:
            continue
        if comm == wanted and (process := look(int(entry.name))):
            found = process if found is None or process.started < found.started else found
    return found


def running(command: Sequence[str]) -> Process | None:
    """The oldest process here with exactly this command line, but for the path of its program."""
    if not command:
        return None
    program, found = os.path.basename(command[0]), None  # noqa: PTH119 - of an argument, no file is meant
    arguments = b"".join(os.fsencode(word) + b"\0" for word in command[1:])
    for entry in list(os.scandir(PROC))[:MAX_PIDS]:
        if not entry.name.isdigit():
            continue
        try:
            with open(f"{PROC}/{entry.name}/cmdline", "rb") as file:  # noqa: PTH123 - hundreds of times
                first, _, rest = file.read(MAX_CMDLINE).partition(b"\0")
        except OSError:
            continue
        if rest == arguments and os.path.basename(os.fsdecode(first)) == program:  # noqa: PTH119
            process = look(int(entry.name))
            if process and (found is None or process.started < found.started):
                found = process
    return found


def boot_id() -> str:
    """Changes with every boot, "" where the kernel tells none."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def end(process: Process, term_s: float, kill_s: float) -> bool:
    """TERM, then KILL for it and its group; a stopped one gets KILL at once, as it cannot take TERM.

    Waits at most `term_s` and `kill_s`; is it gone?
    """
    try:
        fd = os.pidfd_open(process.pid)
    except OSError:
        return look(process.pid) is None
    try:
        seen = look(process.pid)  # after the descriptor is held: it cannot become another process any more
        if seen is None or not process.same(seen):
            return True
        leader = os.getpgid(process.pid) == process.pid
        if not seen.stopped:
            _signal(fd, signal.SIGTERM)
            if _gone(fd, term_s):
                reap(process.pid)
                return True
        if leader:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except OSError:
                _signal(fd, signal.SIGKILL)
        else:
            _signal(fd, signal.SIGKILL)
        gone = _gone(fd, kill_s)
        reap(process.pid)
        return gone
    except ProcessLookupError:
        return True
    finally:
        os.close(fd)


def _signal(fd: int, number: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return


def _gone(fd: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
