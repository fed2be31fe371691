# SPDX-License-Identifier: Apache-2.0
"""The whole loop with real threads, journal and store; sensors, faults and the mechanism are in the test's
hands.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from agent.events import Suspicion
from agent.mapek.changes import MAX_WAITING
from agent.mapek.knowledge import Knowledge
from agent.mapek.loop import Loop, LoopError
from agent.store import Store
from tests.integration.mapek.bench import WITHIN, Bench, running, until
from tests.unit.mapek.world import (
    LINK,
    Rig,
    ScriptedAction,
)


async def test_a_fault_is_found_contained_and_healed_end_to_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    intended: list[bool] = []

    def watch(what: str) -> None:
        intended.append(("intend", "detach-hardif") in bench.told)

    bench.mechanism.watch = watch
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bench.mechanism.detached == {"e2"})
        await until(loop, lambda: loop.status().detached == ("e2",))
        bench.world.contained("link-dead")
        await until(loop, lambda: loop.status().episodes[0].phase == "contained")
        bench.world.mends("link-dead")
        await until(loop, lambda: not loop.status().episodes)
        assert bench.mechanism.did == ["detach e2", "attach e2"]
        assert loop.status().ended[-1].result == "healed"
    assert intended == [True, True], "the intent was announced before the act"
    kept = Knowledge(Store(tmp_path / "knowledge.db"), "boot-1")
    assert [outcome.result.value for outcome in kept.outcomes()] == ["healed", "contained"]
    assert kept.rates["link-dead", "detach-hardif"].worked == 1


async def test_the_first_healthy_state_outlives_the_agent_but_not_the_boot(tmp_path: Path) -> None:
    bench = Bench(tmp_path, healthy=False)
    loop = bench.build()
    async with running(loop):
        await until(loop, lambda: loop.status().healthy_once)
    assert Knowledge(Store(tmp_path / "knowledge.db"), "boot-1").was_healthy()
    assert not Knowledge(Store(tmp_path / "knowledge.db"), "boot-2").was_healthy()


async def test_a_pause_outlives_the_agent_and_resume_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loop = bench.build()
    async with running(loop):
        loop.pause(900)
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(loop.status().episodes))
    again = Bench(tmp_path)
    loop = again.build()
    assert loop.status().paused_until is not None
    async with running(loop):
        again.world.breaks("link-dead")
        await until(loop, lambda: bool(loop.status().episodes))
        assert not again.mechanism.did
        loop.resume()
        await until(loop, lambda: bool(again.mechanism.detached))


@pytest.mark.parametrize("seconds", [0, -5, 86401, float("nan")])
async def test_a_pause_without_end_is_refused(tmp_path: Path, seconds: float) -> None:
    loop = Bench(tmp_path).build()
    with pytest.raises(LoopError, match="allowed"):
        loop.pause(seconds)


async def test_a_pause_between_decision_and_act_withholds_the_act(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loops: list[Loop] = []
    withdrawn: list[str] = []
    loop = bench.build(intend=lambda diagnosis, remedy: loops[0].pause(60), withdraw=withdrawn.append)
    loops.append(loop)
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: loop.status().paused_until is not None and loop.status().episodes != ())
        await until(loop, lambda: loop.status().episodes[0].phase == "deciding")
        assert not bench.mechanism.did
        assert withdrawn == [loop.status().episodes[0].diagnosis.id], "its intent is no longer announced"


async def test_an_action_that_overruns_its_limit_is_an_error_and_is_put_back_after_it_returned(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    release = threading.Event()

    class Slow(ScriptedAction):
        time_limit = 0.01

        def act(self, remedy: Any, effector: Any) -> None:
            super().act(remedy, effector)
            release.wait(WITHIN)

    bench.actions = [Slow(bench.world, "detach-hardif")]
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(loop.executor.stuck))
        assert any("overran" in text for text in loop.status().errors.values())
        assert bench.mechanism.did == ["detach e2"]  # no rollback races with the act
        release.set()
        await until(loop, lambda: "attach e2" in bench.mechanism.did)


async def test_probes_go_on_for_a_link_under_treatment(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: ("probe", "e2", LINK.split("/")[2]) in bench.told)


async def test_a_new_suspicion_is_announced_once_and_probed_while_it_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.world.suspected = [Suspicion("link-dead", LINK, "late", ("e2", "m"))]
    loop = bench.build()
    async with running(loop):
        await until(loop, lambda: bench.told.count(("probe", "e2", "m")) > 5)
    assert bench.told.count(("suspect", LINK)) == 1


async def test_a_hook_that_raises_is_named_and_the_loop_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def broken(*_: object) -> None:
        raise RuntimeError("no page")

    loop = bench.build(tick=broken, intend=broken)
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(bench.mechanism.detached))
        assert "no page" in loop.status().errors["fault hook"]


async def test_a_slow_listener_is_bounded_and_does_not_slow_the_loop(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loop = bench.build()
    slow = loop.subscribe()
    for number in range(MAX_WAITING * 3):
        loop.pause(number + 1)
    assert slow.dropped == MAX_WAITING * 2
    assert (await anext(slow)).event == "pause"


async def test_a_wall_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    rig = Rig()
    bench = Bench(tmp_path)
    walls = iter([1e9, 5e9, 0.0, 2e9] * 1000)
    loop = bench.build()
    loop._wall = loop.monitor._wall = lambda: next(walls)
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(bench.mechanism.detached))
        bench.world.contained("link-dead")
        await until(loop, lambda: loop.status().episodes[0].phase == "contained")
        bench.world.mends("link-dead")
        await until(loop, lambda: not bench.mechanism.detached)
    assert rig.results() == []
