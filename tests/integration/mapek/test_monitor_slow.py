# SPDX-License-Identifier: Apache-2.0
"""The monitor on a slow machine: slow is not stuck, and a thread given up is never beside its successor."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from agent.kernel.nlsocket import DEADLINE, TIMEOUT
from agent.mapek import monitor as module
from agent.mapek.monitor import STALE_AFTER
from tests.integration.mapek.test_monitor import WITHIN, Scripted, monitor, snapshots


class Ahead:
    """The time of day, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Blocking:
    """A reading that lasts until it is released."""

    def __init__(self, gives: str) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()
        self._gives = gives

    def __call__(self) -> str:
        self.entered.set()
        self.release.wait(WITHIN)
        return self._gives


async def test_a_call_that_returns_after_it_was_given_up_enters_no_further_sensor_and_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BLOCKED_AFTER", 0.5)
    blocking = Blocking("too late")
    readers: list[str] = []
    second = Scripted("echoes", lambda: readers.append(threading.current_thread().name))
    watched = monitor(Scripted("mesh", blocking), second)
    async for snapshot in snapshots(watched):
        if second.count == 5:
            assert "mesh" in watched.stuck
            blocking.release.set()
        assert snapshot.mesh is None
        if second.count > 20 and not watched.stuck:
            break
    assert set(readers) == {"x0-sense-fast-2"}, "the thread given up read the sensor of its successor"
    assert "does not return" in snapshot.errors["mesh"]
    watched.close()


async def test_what_was_read_before_a_sensor_blocked_counts_and_the_rest_is_read_at_once() -> None:
    clock, blocking = Ahead(), Blocking("mesh")
    good = Scripted("links", lambda: "links", calm=1000.0)
    last = Scripted("echoes", lambda: "echoes", calm=1000.0)
    watched = monitor(good, Scripted("mesh", blocking), last, clock=clock)
    task = asyncio.create_task(watched.next())
    await asyncio.to_thread(blocking.entered.wait, WITHIN)
    clock.ahead += module.BLOCKED_AFTER
    watched.wake(())
    snapshot: Any = await asyncio.wait_for(task, WITHIN)
    assert snapshot.links == "links"
    assert list(snapshot.errors) == ["mesh"]
    async for snapshot in snapshots(watched):
        if snapshot.echoes == "echoes":
            break
    assert (good.count, last.count) == (1, 1)
    blocking.release.set()
    watched.close()


async def test_sensors_that_are_slow_in_turn_are_not_taken_for_one_that_is_stuck() -> None:
    """Each is counted by itself, above what one netlink dump may take."""
    clock = Ahead()
    blocking = {name: Blocking(name) for name in ("links", "mesh", "echoes")}
    watched = monitor(*(Scripted(name, read) for name, read in blocking.items()), clock=clock)
    for name, read in blocking.items():
        task = asyncio.create_task(watched.next())
        assert await asyncio.to_thread(read.entered.wait, WITHIN)
        clock.ahead += DEADLINE + TIMEOUT  # a dump that just ends in time, and another question
        watched.wake(())
        snapshot = await asyncio.wait_for(task, WITHIN)
        assert (name, watched.stuck) == (name, {})
        assert not any("does not return" in error for error in snapshot.errors.values())
        read.release.set()
    watched.close()


async def test_a_reading_that_took_long_is_shown_for_as_long_as_any_other() -> None:
    clock = Ahead()

    def read() -> str:
        clock.ahead += STALE_AFTER + 3.0
        return "read"

    watched = monitor(Scripted("mesh", read), clock=clock)
    async for snapshot in snapshots(watched):
        if snapshot.mesh or snapshot.errors:
            break
    assert (snapshot.mesh, snapshot.errors) == ("read", {})
    watched.close()


async def test_there_is_a_snapshot_of_what_is_read_so_far_while_a_sensor_is_slow() -> None:
    """Deadlines pass and the watchdog waits, however slow the machine is."""
    clock, blocking = Ahead(), Blocking("mesh")
    watched = monitor(Scripted("links", lambda: "links"), Scripted("mesh", blocking), clock=clock)
    task = asyncio.create_task(watched.next())
    await asyncio.to_thread(blocking.entered.wait, WITHIN)
    clock.ahead += module.BEAT
    watched.wake(())
    snapshot: Any = await asyncio.wait_for(task, WITHIN)
    assert (snapshot.links, snapshot.mesh, snapshot.errors) == ("links", None, {})
    blocking.release.set()
    async for snapshot in snapshots(watched):
        if snapshot.mesh == "mesh":
            break
    watched.close()
