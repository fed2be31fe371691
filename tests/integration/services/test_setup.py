# SPDX-License-Identifier: Apache-2.0
"""Services are set up, which is no remedy: again until each was seen running, then left to healing."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Container, Sequence
from pathlib import Path

import pytest

from agent import nodeservices
from agent.config import Config, Mesh, Node
from agent.configservices import Service
from agent.nodeservices import NodeServices
from agent.sensors.services import ensure_started
from agent.services.control import Controller

# ends at once until a file appears: a broker whose port is still taken
RELUCTANT = (
    "import os, sys, time; open({0!r}, 'a').write('.'); os.path.exists({1!r}) or sys.exit(1); time.sleep(600)"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodeservices, "RETRY_FIRST", 0.1)
    monkeypatch.setattr(nodeservices, "RETRY_MAX", 0.3)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The names of what was to be started, each time NodeServices looked."""
    seen: list[tuple[str, ...]] = []

    def looked(
        services: Sequence[Service], controller: Controller, hung: Container[str] = ()
    ) -> dict[str, str]:
        seen.append(tuple(service.name for service in services))
        return ensure_started(services, controller, hung)

    monkeypatch.setattr(nodeservices, "ensure_started", looked)
    return seen


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


async def turns() -> None:
    """Every other task goes on until it waits for something."""
    for _ in range(5):
        await asyncio.sleep(0)


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
    tmp_path: Path, looks: list[tuple[str, ...]]
) -> None:
    service = Reluctant(tmp_path, "heal")

    async def test() -> None:
        await until(lambda: service.tried() >= 2)
        service.free.touch()
        await until(lambda: service.state() == "running")
        tried = service.tried()
        service.end()
        await until(lambda: service.state() == "gone")
        looks.clear()
        service.services.reconfigure(service.config)  # a reload makes it look again at once
        await until(lambda: bool(looks))
        assert looks == [()], "it ran once: a restart is a remedy from now on"
        assert service.tried() == tried

    await running(service, test)


async def test_nothing_is_started_in_observe_mode(tmp_path: Path, looks: list[tuple[str, ...]]) -> None:
    service = Reluctant(tmp_path, "observe")

    async def test() -> None:
        for _ in range(2):  # two looks: nothing in them waits for anything but the next reload
            await turns()
            service.services.reconfigure(service.config)
        await turns()
        await asyncio.get_running_loop().shutdown_default_executor()  # whatever was begun has ended
        assert looks == []
        assert service.tried() == 0

    await running(service, test)
