# SPDX-License-Identifier: Apache-2.0
"""A pause: a person works on cables and radios, and the keeper changes nothing until it ends."""

from __future__ import annotations

from tests.unit.mesh.keeping import Clock, keeper, running
from tests.unit.mesh.kernel import Kernel


async def test_what_a_person_removes_during_a_pause_is_made_again_only_after_it() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready and kernel.mesh("bat0").ogm_interval_ms == 300)
        for name in ("e1", "e3", "x0prim"):
            kernel.set_master(name, None)
        kernel.unplug("bat0")
        kernel.writes.clear()
        made.paused = True
        for _ in range(3):
            clock.now += 60.0
            await made.look()
        assert kernel.writes == []
        assert not made.ready, "a remedy must not attach links before the primary once the pause is over"
        made.paused = False
        made.wake()
        await made.until(lambda: made.ready)
    assert [row.name for row in kernel.attached[kernel.index("bat0")]] == ["x0prim", "e1", "e3"]


async def test_what_is_plugged_in_during_a_pause_joins_after_it() -> None:
    kernel, clock = Kernel("e1"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        made.paused = True
        await made.look()
        kernel.writes.clear()
        kernel.plug("e3")
        await made.look()
        assert kernel.writes == []
        made.paused = False
        made.wake()
        await made.until(lambda: "master e3 bat0" in kernel.writes)


async def test_a_node_that_starts_in_a_pause_is_set_up_once() -> None:
    kernel = Kernel("e1", "e3")
    made = keeper(kernel, Clock())
    made.paused = True
    async with running(made):
        await made.until(lambda: made.ready)
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)


async def test_haste_of_before_a_pause_ends_in_it() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        made.hasten("e1 is silent")
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 100)
        made.paused = True
        clock.now += 10.0
        made.wake()
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)
