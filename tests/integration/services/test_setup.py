# SPDX-License-Identifier: Apache-2.0
"""Services are set up, which is no remedy: again until each was seen running, then left to healing."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent import nodeservices
from agent.config import Config, Mesh, Node, Service
from agent.nodeservices import NodeServices
from agent.services.control import Controller

# ends at once until a file appears: a broker whose port is still taken
RELUCTANT = (
    "import os, sys, time; open({0!r}, 'a').write('.'); os.path.exists({1!r}) or sys.exit(1); time.sleep(600)"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodeservices, "RETRY_FIRST", 0.1)
    monkeypatch.setattr(nodeservices, "RETRY_MAX", 0.3)


class Reluctant:
    """One such service under NodeServices."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.tries, self.free = folder / "tries", folder / "free"
        code = RELUCTANT.format(str(self.tries), str(self.free))
        services = (Service(name="s", command=(sys.executable, "-S", "-c", code)),)
        self.config = Config(
            node=Node(name="n1", state_dir=str(folder)),
            mode=mode,  # type: ignore[arg-type]
            mesh=Mesh(enabled=mode == "heal"),
            services=services,
        )
        self.services = NodeServices(self.config)

    def tried(self) -> int:
        return len(self.tries.read_text()) if self.tries.exists() else 0

    def state(self) -> str:
        return self.services.read(time.monotonic())[0].state

    def end(self) -> None:
        Controller(self.config.services, self.config.node.state_dir).stop("s")


async def until(what: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - another process: no event tells of it
            await asyncio.sleep(0.02)


async def running(service: Reluctant, test: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.create_task(service.services.run())
    try:
        await test()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        service.end()


async def test_what_ends_at_once_is_started_again_until_it_runs_and_then_left_to_healing(
    tmp_path: Path,
) -> None:
    service = Reluctant(tmp_path, "heal")

    async def test() -> None:
        await until(lambda: service.tried() >= 2)
        service.free.touch()
        await until(lambda: service.state() == "running")
        tried = service.tried()
        service.end()
        await until(lambda: service.state() == "gone")
        await asyncio.sleep(3 * nodeservices.RETRY_MAX)
        assert service.tried() == tried, "it ran once: a restart is a remedy from now on"

    await running(service, test)


async def test_nothing_is_started_in_observe_mode(tmp_path: Path) -> None:
    service = Reluctant(tmp_path, "observe")

    async def test() -> None:
        await asyncio.sleep(1.0)
        assert service.tried() == 0

    await running(service, test)
