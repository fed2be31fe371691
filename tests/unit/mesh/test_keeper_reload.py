# SPDX-License-Identifier: Apache-2.0
"""A keeper that is given another configuration: what stands is left alone, observe holds at once."""

from __future__ import annotations

import asyncio
import threading

import msgspec

from agent.readings import Originator
from tests.unit.mesh.keeping import CONFIG, Clock, keeper, running
from tests.unit.mesh.kernel import Kernel


async def test_a_new_configuration_is_taken_without_touching_what_stands() -> None:
    kernel = Kernel("e1", "e3")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: made.ready)
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)
        kernel.writes.clear()
        slower = msgspec.structs.replace(CONFIG.mesh, ogm_interval=500, elp_interval=150)
        made.reconfigure(msgspec.structs.replace(CONFIG, mesh=slower))
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 500)
        await made.until(lambda: made.ready)
    assert kernel.writes == ["set ogm_interval_ms 500"]


async def test_switched_to_observe_in_haste_the_timers_go_back_to_rest_once() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        made.hasten("e1 is silent")
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 100)
        kernel.writes.clear()
        made.reconfigure(msgspec.structs.replace(CONFIG, mode="observe"))
        assert not made.hasten("again"), "observe holds at once"
        assert made.rest_ogm_ms() is None
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)
        made.wake()
        await made.until(lambda: made.ready)
    assert kernel.writes == ["set ogm_interval_ms 300"]


async def test_switched_to_observe_at_rest_nothing_is_written() -> None:
    kernel = Kernel("e1", "e3")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: made.ready and kernel.mesh("bat0").ogm_interval_ms == 300)
        kernel.writes.clear()
        made.reconfigure(msgspec.structs.replace(CONFIG, mode="observe"))
        made.passed.clear()
        await asyncio.wait_for(made.passed.wait(), 5)
    assert kernel.writes == []


async def test_a_new_configuration_waits_for_the_pass_that_is_under_way() -> None:
    kernel, entered, leave = Kernel("e1", "e3"), threading.Event(), threading.Event()
    made = keeper(kernel, Clock())
    counted = kernel.originators

    def slow(index: int, outgoing: int = 0) -> tuple[Originator, ...]:
        entered.set()
        assert leave.wait(5)
        return counted(index)

    kernel.originators = slow  # type: ignore[method-assign]
    async with running(made):
        assert await asyncio.to_thread(entered.wait, 5)
        before = made.haste
        slower = msgspec.structs.replace(CONFIG.mesh, ogm_interval=500, elp_interval=150)
        made.reconfigure(msgspec.structs.replace(CONFIG, mesh=slower))
        assert made.haste is before
        assert made.rest_ogm_ms() == 300
        leave.set()
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 500)
        assert made.haste is not before
