# SPDX-License-Identifier: Apache-2.0
"""Plays systemd for the agents of nodes that are namespaces: restart, ExecStopPost, logs."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from tools.lab.guest import processes
from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node
from tools.lab.guest.tasks import spawn_logged
from tools.lab.guest.tree import TREE

PYTHON_PATH = f"{TREE}:/usr/lib/x0/python"
CONFIG = "/etc/x0/x0.yaml"
AGENT = ["python3", "-m", "agent", "--config", CONFIG]
STOP_POST = ["python3", "-m", "agent.undo", "--config", CONFIG]  # the unit's ExecStopPost
BROKER = ["mosquitto", "-c", "/etc/x0/mosquitto.conf"]
RESTART_S = 1.0  # the unit's RestartSec
START_LIMIT, START_WINDOW_S = 5, 600.0  # the unit's StartLimitBurst and StartLimitIntervalSec
STOP_S = 10.0  # after SIGTERM; then SIGKILL


async def start_broker(node: Node) -> None:
    """Start the node's broker as the boot of a real node does; from then on it is the agent's to keep."""
    holder = node.holder if node.holder is not None else os.getpid()
    if not processes.in_namespace(holder, BROKER[0]):
        # detached: it becomes a child of the node's first process and outlives the agent
        starter = await spawn_logged(
            node.command(["setsid", "-f", *BROKER]), node.home / "log" / "mosquitto.log"
        )
        await starter.wait()


class Unit:
    """One supervised program of a node."""

    def __init__(self, node: Node, name: str, argv: list[str], stop_post: list[str] | None) -> None:
        self.node, self.name, self._argv, self._stop_post = node, name, argv, stop_post
        self.process: asyncio.subprocess.Process | None = None
        self.wanted = False
        self.starts = 0
        self.last_exit: int | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def log(self) -> Path:
        """Where both outputs go."""
        return self.node.home / "log" / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The program's own process on this side, None when it is not running."""
        if self.process is None or self.process.returncode is not None:
            return None
        return processes.entered(self.process.pid)

    async def start(self) -> None:
        """Start it and keep it running. Already running: nothing."""
        if self._keeper is None or self._keeper.done():
            self.wanted = True
            self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Terminate it as systemd does; ExecStopPost has run when this returns."""
        self.wanted = False
        if self._keeper is None:
            return
        pid = self.pid
        if pid is not None:
            processes.send(pid, signal.SIGTERM)
            processes.send(pid, signal.SIGCONT)
        done, _ = await asyncio.wait([self._keeper], timeout=STOP_S)
        if not done:
            self.signal(signal.SIGKILL)
            await asyncio.wait([self._keeper])

    def signal(self, number: int) -> None:
        """Send a signal to the program itself. Raises GuestError when it is not running."""
        pid = self.pid
        if pid is None or self.process is None:
            raise GuestError(f"{self.node.name}: {self.name} is not running")
        processes.send(pid, number)
        if number == signal.SIGCONT:
            processes.send(self.process.pid, number)  # nsenter stops with its child

    async def _keep(self) -> None:
        began: list[float] = []
        while self.wanted:
            now = time.monotonic()
            began = [*(at for at in began if now - at < START_WINDOW_S), now]
            if len(began) > START_LIMIT:
                self._note(
                    f"{self.name} was started {START_LIMIT} times in {START_WINDOW_S:.0f} s: giving up"
                )
                self.wanted = False
                return
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": "/root",
                "LANG": "C.UTF-8",
                "PYTHONPATH": PYTHON_PATH,
                "X0_NODE": self.node.name,
            }
            self.starts += 1
            self.process = await spawn_logged(
                self.node.command(self._argv), self.log, environment, self.node.home
            )
            self.last_exit = await self.process.wait()
            if self._stop_post is not None:
                post = await spawn_logged(
                    self.node.command(self._stop_post), self.log, environment, self.node.home
                )
                if await post.wait():
                    self._note(f"ExecStopPost ended with {post.returncode}")
            if self.wanted:  # Restart=always: only who was stopped stays stopped
                await asyncio.sleep(RESTART_S)

    def _note(self, text: str) -> None:
        with self.log.open("a") as handle:
            handle.write(f'{{"lab": "{text}"}}\n')

    def told(self) -> dict[str, Any]:
        """Return what the host is told."""
        return {
            "node": self.node.name,
            "name": self.name,
            "pid": self.pid,
            "starts": self.starts,
            "exit": self.last_exit,
            "log": str(self.log),
        }
