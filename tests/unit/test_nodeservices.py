# SPDX-License-Identifier: Apache-2.0
"""Services and a pause: who works on the node is not to see them started under their hands."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Sequence
from pathlib import Path

import pytest

from agent import nodeservices
from agent.config import Config, Mesh, Node
from agent.configservices import Service
from agent.nodeservices import NodeServices
from agent.services.control import Controller

LOOKS = 4  # of the task, after which it has had every chance to start something


class Pause:
    """Asked by the task at each look."""

    def __init__(self) -> None:
        self.on = True
        self.seen = asyncio.Event()
        self._asked = 0

    def __call__(self) -> bool:
        self._asked += 1
        if self._asked >= LOOKS:
            self.seen.set()
        return self.on


async def test_in_a_pause_a_start_is_tried_once_and_again_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def start(
        services: Sequence[Service], controller: Controller, hung: Container[str] = ()
    ) -> dict[str, str]:
        names = tuple(service.name for service in services)
        loop.call_soon_threadsafe(started.put_nowait, names)
        return dict.fromkeys(names, "its port is taken")

    monkeypatch.setattr(nodeservices, "ensure_started", start)
    monkeypatch.setattr(nodeservices, "RETRY_FIRST", 0.01)
    pause = Pause()
    config = Config(
        node=Node(name="n1", state_dir=str(tmp_path)),
        mode="heal",
        mesh=Mesh(enabled=True),
        services=(Service(name="s", command=("/bin/true",)),),
    )
    services = NodeServices(config, paused=pause)
    task = asyncio.create_task(services.run())
    try:
        async with asyncio.timeout(10):
            assert await started.get() == ("s",), "a node that reboots in a pause has its services"
            await pause.seen.wait()
            assert started.empty()
            assert services.problems == {"s": "its port is taken"}, "it is said all the while"
            pause.on = False
            assert await started.get() == ("s",)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
