# SPDX-License-Identifier: Apache-2.0
"""Programs that run in a node beside the requests: traffic, captures. Their output is a file."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import IO, Any

from tools.lab.guest import processes
from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node

FOLDER = Path("/run/x0-lab/tasks")
STOP_S = 5.0  # after SIGINT; then SIGKILL


class Task:
    """A running or ended program with its log file."""

    def __init__(self, name: str, node: Node, argv: list[str], process: asyncio.subprocess.Process) -> None:
        self.name, self.node, self.argv, self.process = name, node, argv, process

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return FOLDER / f"{self.name}.log"

    def told(self) -> dict[str, Any]:
        """Return what the host is told."""
        exit_code = self.process.returncode
        return {"name": self.name, "node": self.node.name, "argv": self.argv, "exit": exit_code}


class Tasks:
    """Starts, stops and lists tasks by name."""

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._tasks: dict[str, Task] = {}

    async def start(self, name: str, node: Node, argv: list[str]) -> dict[str, Any]:
        """Start a program in a node. Raises GuestError when the name is taken by a running one."""
        if "/" in name or not name:
            raise GuestError(f"task name {name!r}: use letters, digits and -")
        old = self._tasks.get(name)
        if old is not None and old.process.returncode is None:
            raise GuestError(f"{name} runs already; stop it first")
        process = await spawn_logged(node.command(argv), FOLDER / f"{name}.log")
        self._tasks[name] = Task(name, node, argv, process)
        return self._tasks[name].told()

    async def stop(self, name: str) -> dict[str, Any]:
        """Interrupt a program (ping then prints its summary) and wait. Raises GuestError."""
        if name not in self._tasks:
            raise GuestError(f"no task {name}; running: {', '.join(self._tasks) or 'none'}")
        task = self._tasks[name]
        if task.process.returncode is None:
            pid = processes.entered(task.process.pid)
            processes.send(pid, signal.SIGCONT)
            processes.send(pid, signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(task.process.wait(), STOP_S)
        if task.process.returncode is None:
            processes.send(processes.entered(task.process.pid), signal.SIGKILL)
            await task.process.wait()
        return task.told()

    def list(self) -> list[dict[str, Any]]:
        """Return every task since the machine's start."""
        return [task.told() for task in self._tasks.values()]


async def spawn_logged(
    argv: list[str], log: Path, env: dict[str, str] | None = None, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    """Start a program in its own session with both outputs appended to a file."""
    handle: IO[bytes] = log.open("wb" if env is None else "ab")
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=handle,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env=env,
            cwd=cwd,
        )
    finally:
        handle.close()
