# SPDX-License-Identifier: Apache-2.0
"""The keeper: ready when the mesh stands, retries, haste and the way back, nothing in observe."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest

from agent.config import Config
from agent.kernel.errors import RefusedError
from agent.mesh.haste import HASTE_S
from agent.mesh.restore import restore_timers
from agent.readings import Originator
from tests.unit.mesh.keeping import CONFIG, Clock, keeper, running
from tests.unit.mesh.kernel import Kernel


async def test_the_keeper_is_ready_when_the_mesh_stands_with_its_timers() -> None:
    kernel = Kernel("e1", "e3")
    made = keeper(kernel, Clock())
    assert not made.ready
    async with running(made):
        await made.until(lambda: made.ready)
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)
    assert made.problems == ()
    assert made.hardif_settings("e1") is not None
    assert made.hardif_settings("eth0") is None


@pytest.mark.parametrize(
    "config",
    [
        msgspec.structs.replace(CONFIG, mode="observe"),
        msgspec.structs.replace(CONFIG, mesh=msgspec.structs.replace(CONFIG.mesh, enabled=False)),
    ],
    ids=["observe", "disabled"],
)
async def test_nothing_is_touched_in_observe_or_disabled(config: Config) -> None:
    kernel = Kernel("e1", "e3")
    made = keeper(kernel, Clock(), config)
    async with running(made):
        assert made.ready
        assert not made.hasten("a hint")
        made.wake()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert kernel.writes == []
    assert made.rest_ogm_ms() is None


async def test_haste_comes_at_once_and_ends_by_itself() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        assert made.hasten("e1 is silent")
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 100)
        clock.now += HASTE_S
        made.wake()
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)


async def test_there_is_no_haste_while_nothing_may_be_done() -> None:
    kernel = Kernel("e1", "e3")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: made.ready and kernel.mesh("bat0").ogm_interval_ms == 300)
        kernel.writes.clear()
        made.closed = "healing is paused for another 60 s"
        assert not made.hasten("e1 is silent")
        assert not made.hasten("n2 reports link-dead", foreign=True)
        made.closed = ""
        assert made.hasten("n2 reports link-dead", foreign=True)
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 100)
    assert kernel.writes == ["set ogm_interval_ms 100", "set ogm_interval_ms 300"]


async def test_there_is_no_haste_before_the_mesh_stands() -> None:
    assert not keeper(Kernel(), Clock()).hasten("a hint")


async def test_a_keeper_that_ends_in_haste_goes_back_to_rest() -> None:
    kernel = Kernel("e1", "e3")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: made.ready)
        made.hasten("e1 is silent")
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 100)
    assert kernel.mesh("bat0").ogm_interval_ms == 300


async def test_the_interval_a_remedy_set_ends_in_time_too() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        kernel.set_mesh(kernel.index("bat0"), ogm_interval_ms=100)
        made.ogm_changed(100)
        await made.until(lambda: made.haste.active(clock.now))
        clock.now += HASTE_S
        made.wake()
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 300)
        made.hasten("again")
        await made.until(lambda: kernel.mesh("bat0").ogm_interval_ms == 100)
        made.ogm_changed(300)
        await made.until(lambda: not made.haste.active(clock.now))


async def test_what_fails_is_said_and_tried_again() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    kernel.refuse["create bat0 BATMAN_V"] = RefusedError("creating bat0: module missing")
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: bool(made.problems))
        assert "module missing" in made.problems[0]
        assert not made.ready
        kernel.refuse.clear()
        clock.now += 60
        made.wake()
        await made.until(lambda: made.ready)
    assert made.problems == ()


async def test_an_interface_that_appears_is_set_up_when_the_kernel_says_so() -> None:
    kernel = Kernel("e1")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: made.ready)  # what exists stands; what is missing is said
        assert "e3 is not there" in made.problems[0]
        kernel.plug("e3")
        made.wake()
        await made.until(lambda: "master e3 bat0" in kernel.writes)


async def test_a_remedy_has_the_set_up_run_at_once() -> None:
    kernel = Kernel("e1", "e3")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: made.ready)
        kernel._change("bat0", admin_up=False)
        await asyncio.to_thread(made.set_up_now)
        await made.until(lambda: kernel.table["bat0"].admin_up)


async def test_a_mesh_made_anew_is_not_ready_before_its_primary_is_attached() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    seen: list[bool] = []
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        attach = kernel.set_master

        def watched(name: str, master: str | None) -> None:
            seen.append(made.ready)
            attach(name, master)

        kernel.set_master = watched  # type: ignore[method-assign]
        for name in ("e1", "e3", "x0prim"):
            attach(name, None)
        kernel.unplug("bat0")
        made.wake()
        await made.until(lambda: made.ready and bool(seen))
    assert seen == [False] * 3
    assert [row.name for row in kernel.attached[kernel.index("bat0")]] == ["x0prim", "e1", "e3"]


async def test_it_is_not_ready_while_the_mesh_interface_cannot_be_made() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready)
        for name in ("e1", "e3", "x0prim"):
            kernel.set_master(name, None)
        kernel.unplug("bat0")
        kernel.refuse["create bat0 BATMAN_V"] = RefusedError("creating bat0: no memory")
        made.wake()
        await made.until(lambda: bool(made.problems))
        assert not made.ready
        kernel.refuse.clear()
        clock.now += 60
        made.wake()
        await made.until(lambda: made.ready)


async def test_interfaces_that_are_absent_or_refused_do_not_keep_the_mesh_from_being_ready() -> None:
    kernel = Kernel("e1")
    kernel.refuse["master e1 bat0"] = RefusedError("e1: busy")
    async with running(keeper(kernel, Clock())) as made:
        await made.until(lambda: len(made.problems) == 2)
        assert made.ready


async def test_timers_slow_down_with_the_number_of_originators() -> None:
    kernel, clock = Kernel("e1", "e3"), Clock()
    kernel.orig = tuple(
        Originator(f"02:00:00:00:{n // 256:02x}:{n % 256:02x}", "02:00:00:00:00:01", "e1", 0.1)
        for n in range(300)
    )
    async with running(keeper(kernel, clock)) as made:
        await made.until(lambda: made.ready and kernel.mesh("bat0").ogm_interval_ms == 1000)
        assert made.rest_ogm_ms() == 1000
    settings = made.hardif_settings("e1")
    assert settings is not None
    assert settings.elp_interval_ms == 500


def test_timers_left_in_haste_by_a_killed_agent_are_restored() -> None:
    kernel = Kernel("e1", "e3")
    fake = cast(Any, kernel)
    assert not restore_timers(CONFIG, fake, fake)  # no mesh at all
    kernel.create_batadv("bat0")
    kernel.set_mesh(kernel.index("bat0"), ogm_interval_ms=100)
    assert restore_timers(CONFIG, fake, fake)
    assert kernel.mesh("bat0").ogm_interval_ms == 300
    assert not restore_timers(CONFIG, fake, fake)
    kernel.set_mesh(kernel.index("bat0"), ogm_interval_ms=100)
    assert not restore_timers(msgspec.structs.replace(CONFIG, mode="observe"), fake, fake)
