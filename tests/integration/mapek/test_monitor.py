# SPDX-License-Identifier: Apache-2.0
"""The monitor with real threads: one sensor's trouble is never another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest

from agent.mapek import monitor as module
from agent.mapek.monitor import HISTORY, HISTORY_SPACING, MAX_STUCK, STALE_AFTER, Monitor
from agent.mapek.worker import Worker
from agent.sensors.base import SensorError

WITHIN = 10.0  # s


class Scripted:
    """A sensor that does what the test says."""

    def __init__(self, name: str, read: Callable[[], Any], calm: float = 0.02, burst: float = 0.01) -> None:
        self.name: Any = name
        self._read = read
        self._calm = calm
        self._burst = burst
        self.count = 0

    def period(self, attention: bool) -> float:
        return self._burst if attention else self._calm

    def read(self, now: float) -> Any:
        self.count += 1
        return self._read()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def real() -> float:
    return asyncio.get_running_loop().time()


def monitor(*sensors: Any, clock: Callable[[], float] | None = None) -> Monitor:
    return Monitor(sensors, clock or asyncio.get_running_loop().time, lambda: 0.0)


async def snapshots(watched: Monitor) -> AsyncIterator[Any]:
    async with asyncio.timeout(WITHIN):
        while True:
            yield await watched.next()


def fail() -> None:
    raise SensorError("no such device; plug it in")


async def test_readings_fill_the_snapshot() -> None:
    watched = monitor(Scripted("services", lambda: ("a",)), Scripted("echoes", lambda: ("b",)))
    async for snapshot in snapshots(watched):
        if snapshot.services and snapshot.echoes:
            break
    assert snapshot.errors == {}
    watched.close()


async def test_a_sensor_that_fails_is_named_and_the_others_go_on() -> None:
    good = Scripted("services", lambda: ("a",))
    watched = monitor(Scripted("mesh", fail), good)
    async for snapshot in snapshots(watched):
        if good.count > 3 and snapshot.errors:
            break
    assert snapshot.errors == {"mesh": "no such device; plug it in"}
    assert snapshot.mesh is None
    watched.close()


async def test_a_sensor_that_recovers_is_named_no_more() -> None:
    answers = iter([ValueError("once")])

    def read() -> str:
        error = next(answers, None)
        if error:
            raise error
        return "good"

    watched = monitor(Scripted("host", read))
    seen = []
    async for snapshot in snapshots(watched):
        seen.append(dict(snapshot.errors))
        if snapshot.host:
            break
    assert seen[0] == {"host": "once"}
    assert seen[-1] == {}
    watched.close()


async def test_a_sensor_that_blocks_is_left_alone_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BLOCKED_AFTER", 0.05)
    release = threading.Event()
    good = Scripted("echoes", lambda: ("b",))
    stuck = Scripted("mesh", lambda: release.wait(WITHIN))
    watched = monitor(stuck, good)
    async for snapshot in snapshots(watched):
        if good.count > 5 and "mesh" in snapshot.errors:
            break
    assert "does not return" in snapshot.errors["mesh"]
    assert stuck.count == 1, "a blocked sensor is never entered twice"
    release.set()
    async for _ in snapshots(watched):
        if not watched.stuck:
            break
    watched.close()


async def test_threads_left_in_blocked_sensors_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCKED_AFTER", 0.02)
    release = threading.Event()
    names = ("mesh", "links", "radios", "host", "services", "peers")
    before = threading.active_count()
    watched = monitor(*(Scripted(name, lambda: release.wait(WITHIN)) for name in names))
    async for snapshot in snapshots(watched):
        if len(snapshot.errors) >= MAX_STUCK:
            break
    assert len(watched.stuck) <= MAX_STUCK
    assert threading.active_count() - before <= MAX_STUCK + 1
    release.set()
    watched.close()


async def test_a_slow_probe_does_not_delay_the_mesh() -> None:
    release = threading.Event()
    slow = Scripted("services", lambda: release.wait(WITHIN), calm=1.0, burst=1.0)
    fast = Scripted("mesh", lambda: "read", calm=0.01, burst=0.01)
    watched = monitor(slow, fast)
    async for _ in snapshots(watched):
        if fast.count > 5:
            break
    assert slow.count == 1
    release.set()
    watched.close()


async def test_a_kernel_event_reads_links_and_mesh_at_once() -> None:
    mesh = Scripted("mesh", lambda: "read", calm=1000.0, burst=1000.0)
    host = Scripted("host", lambda: "read", calm=1000.0, burst=1000.0)
    watched = monitor(mesh, host)
    async for snapshot in snapshots(watched):
        if snapshot.mesh and snapshot.host:
            break
    task = asyncio.create_task(watched.next())
    await asyncio.sleep(0)
    watched.wake()
    await asyncio.wait_for(task, WITHIN)
    assert (mesh.count, host.count) == (2, 1)
    watched.close()


async def test_what_the_slow_lane_reads_is_told_with_the_fast_ones_reading() -> None:
    slow = Scripted("services", lambda: slow.count, calm=0.02, burst=1.0)
    fast = Scripted("mesh", lambda: fast.count, calm=0.05, burst=0.01)
    watched = monitor(slow, fast)
    told: list[Any] = []
    async for snapshot in snapshots(watched):
        told.append(snapshot.mesh)
        if slow.count > 8:
            break
    assert None not in told[2:]
    assert all(after > before for before, after in pairwise(told[2:])), "no Snapshot without a new fast one"
    watched.close()


async def test_what_the_slow_lane_reads_does_not_wait_for_a_fast_lane_that_rests() -> None:
    slow = Scripted("services", lambda: slow.count, calm=0.02, burst=1.0)
    watched = monitor(slow, Scripted("mesh", lambda: "read", calm=1000.0, burst=0.01))
    began = real()
    async for snapshot in snapshots(watched):
        if slow.count > 3 and snapshot.services:
            break
    assert real() - began < WITHIN / 2
    watched.close()


async def test_what_a_kernel_event_made_read_is_told_at_once_by_either_lane() -> None:
    release = threading.Event()
    mesh = Scripted("mesh", lambda: release.wait(WITHIN) if mesh.count > 1 else "read", 1000.0, 0.01)
    links = Scripted("links", lambda: links.count, calm=1000.0, burst=1.0)
    watched = monitor(mesh, links)
    async for snapshot in snapshots(watched):
        if snapshot.mesh and snapshot.links:
            break
    watched.wake()
    snapshot = await asyncio.wait_for(watched.next(), WITHIN)
    assert snapshot.links == 2, "though the fast lane is still reading"
    release.set()
    watched.close()


async def test_a_flood_of_kernel_events_is_bounded() -> None:
    mesh = Scripted("mesh", lambda: "read", calm=1000.0, burst=1000.0)
    watched = monitor(mesh)
    began = real()
    for _ in range(10):
        for _ in range(1000):
            watched.wake()
        await asyncio.wait_for(watched.next(), WITHIN)
    assert real() - began >= 8 * module.WAKE_SPACING
    watched.close()


async def test_a_stale_reading_is_shown_no_more() -> None:
    clock = Clock()
    answers = iter(["read"])
    watched = monitor(Scripted("mesh", lambda: next(answers)), clock=clock)
    first: Any = await asyncio.wait_for(watched.next(), WITHIN)
    assert first.mesh == "read"
    clock.now += STALE_AFTER + 1
    snapshot = await asyncio.wait_for(watched.next(), WITHIN)
    assert snapshot.mesh is None
    assert "mesh" in snapshot.errors
    watched.close()


async def test_history_is_bounded_and_spaced() -> None:
    clock = Clock()
    watched = monitor(Scripted("host", lambda: "read", calm=0.1), clock=clock)
    for _ in range(800):
        clock.now += 0.1
        await asyncio.wait_for(watched.next(), WITHIN)
    assert len(watched.history) == HISTORY
    times = [snapshot.at for snapshot in watched.history]
    gaps = [b - a for a, b in pairwise(times)]
    assert min(gaps) >= HISTORY_SPACING - 1e-6
    watched.close()


async def test_a_sensor_that_fills_no_field_is_refused() -> None:
    with pytest.raises(ValueError, match="fill no field"):
        monitor(Scripted("weather", lambda: None))


async def test_a_worker_passes_on_any_exception_even_those_a_future_refuses() -> None:
    worker = Worker("w")

    def stop() -> None:
        raise StopIteration("odd")

    with pytest.raises(RuntimeError, match="StopIteration"):
        await worker.submit(stop)
    assert await worker.submit(lambda: 5) == 5
    worker.close()
