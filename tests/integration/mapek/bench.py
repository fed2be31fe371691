# SPDX-License-Identifier: Apache-2.0
"""The whole loop with real threads, journal and store; the rest is in the test's hands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from agent.hostreadings import Host
from agent.mapek.hooks import Hooks
from agent.mapek.journal import Journal
from agent.mapek.knowledge import Knowledge
from agent.mapek.loop import Loop
from agent.mapek.policy import HEAL, Policy
from agent.store import Store
from tests.unit.mapek.world import (
    ROOM,
    Mechanism,
    ScriptedFault,
    World,
    journal_path,
    standard_actions,
)

WITHIN = 10.0  # s for what takes milliseconds: the machine is shared


class FakeSensor:
    name: Any = "host"

    def period(self, attention: bool) -> float:
        return 0.01

    def read(self, now: float) -> Host:
        return Host(load1=0.1)


class Bench:
    """A loop and what it touched."""

    def __init__(self, folder: Path, *, mode: str = HEAL, healthy: bool = True) -> None:
        self.world = World()
        self.mechanism = Mechanism()
        self.told: list[tuple[Any, ...]] = []
        self.fault: Any = ScriptedFault(self.world, "link-dead", [("detach-hardif", {})])
        self.actions: list[Any] = standard_actions(self.world)
        self.journal = Journal(journal_path(folder))
        self.knowledge = Knowledge(Store(folder / "knowledge.db"), "boot-1")
        if healthy:
            self.knowledge.save_healthy()
        self.folder = folder
        self.mode = mode

    def build(self, **hooks: Any) -> Loop:
        hooks.setdefault("intend", lambda diagnosis, remedy: self.told.append(("intend", remedy.action)))
        hooks.setdefault("suspect", lambda suspicion: self.told.append(("suspect", suspicion.subject)))
        hooks.setdefault("probe", lambda hardif, mac: self.told.append(("probe", hardif, mac)))
        hooks.setdefault("meet", lambda neighbours: self.told.append(("meet", *neighbours)))
        sensor: Any = FakeSensor()
        return Loop(
            Policy(mode=self.mode, moves_per_two_minutes=ROOM),
            [sensor],
            [self.fault],
            self.actions,
            self.mechanism,
            self.journal,
            self.knowledge,
            Hooks(**hooks),
            jitter=lambda: 0.0,
        )


@contextlib.asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        loop.stop()
        await asyncio.wait_for(task, WITHIN)


async def until(loop: Loop, true: Callable[[], bool]) -> None:
    """Looks again after each change of the loop's state."""
    changes = loop.subscribe()
    try:
        async with asyncio.timeout(WITHIN):
            while not true():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(anext(changes), 0.05)
    finally:
        changes.close()
