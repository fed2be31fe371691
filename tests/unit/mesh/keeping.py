# SPDX-License-Identifier: Apache-2.0
"""A keeper whose passes a test can wait for, over the kernel of tests/unit/mesh/kernel.py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from agent.config import Config, Interface, Mesh, Node
from agent.mesh.keeper import Keeper
from tests.unit.mesh.kernel import Kernel

CONFIG = Config(Node("n1"), mode="heal", mesh=Mesh(interfaces=(Interface("e1"), Interface("e3"))))


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Kept(Keeper):
    """A keeper that can be waited for."""

    def __init__(self, config: Config, kernel: Kernel, clock: Clock) -> None:
        self.closed = ""
        self.paused = False
        self.passed = asyncio.Event()
        fake = cast(Any, kernel)
        super().__init__(
            config,
            links=fake,
            batadv=fake,
            wifi=fake,
            clock=clock,
            identity=lambda: "machine",
            speed=lambda _: None,
            on_pass=self.passed.set,
            may_act=lambda: self.closed,
            paused=lambda: self.paused,
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Looks again after every pass."""
        async with asyncio.timeout(5):
            while not condition():
                self.passed.clear()
                await self.passed.wait()

    async def look(self) -> None:
        """One whole pass from now on."""
        self.passed.clear()
        self.wake()
        async with asyncio.timeout(5):
            await self.passed.wait()


def keeper(kernel: Kernel, clock: Clock, config: Config = CONFIG) -> Kept:
    return Kept(config, kernel, clock)


@contextlib.asynccontextmanager
async def running(made: Kept) -> AsyncIterator[Kept]:
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
