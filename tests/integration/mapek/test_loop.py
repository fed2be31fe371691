# SPDX-License-Identifier: Apache-2.0
"""The whole loop with real threads, journal and store; sensors, faults and the mechanism are in the test's
hands.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.events import Suspicion
from agent.mapek import loop as loop_module
from agent.mapek import persistence
from agent.mapek.changes import MAX_WAITING
from agent.mapek.hooks import Hooks
from agent.mapek.journal import Journal
from agent.mapek.knowledge import Knowledge
from agent.mapek.loop import Loop, LoopError
from agent.mapek.policy import HEAL, OBSERVE, Policy
from agent.mapek.replay import undo_records
from agent.readings import Host
from agent.remedies.base import UndoRecord
from agent.store import Store
from tests.unit.mapek.world import (
    LINK,
    Mechanism,
    Rig,
    ScriptedAction,
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
        sensor: Any = FakeSensor()
        return Loop(
            Policy(mode=self.mode),
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


async def test_a_fault_is_found_contained_and_healed_end_to_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    intended: list[bool] = []
    returning: list[tuple[str, ...]] = []

    def watch(what: str) -> None:
        intended.append(("intend", "detach-hardif") in bench.told)
        if what.startswith("attach"):
            returning.append(tuple(returns))

    returns: list[str] = []
    bench.mechanism.watch = watch
    loop = bench.build(give_back=returns.append)
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
    assert returning == [("e2",)], "and the return before it happened"
    kept = Knowledge(Store(tmp_path / "knowledge.db"), "boot-1")
    assert [outcome.result.value for outcome in kept.outcomes()] == ["healed", "contained"]
    assert kept.rates["link-dead", "detach-hardif"].worked == 1


async def test_the_journal_is_on_disk_before_the_act(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    seen: list[str] = []
    bench.mechanism.watch = lambda what: seen.append(journal_path(tmp_path).read_text())
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(bench.mechanism.detached))
    assert '"begin":1' in seen[0]


async def test_nothing_is_done_where_the_journal_cannot_be_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.journal.begin = _full  # type: ignore[method-assign]
    loop = bench.build()
    changes = loop.subscribe()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(loop.status().ended))
        assert not bench.mechanism.did
    async with asyncio.timeout(WITHIN):
        said = [await anext(changes) for _ in range(4)]
    assert any("no space left on device" in change.sentence for change in said if change.event == "outcome")


async def test_a_disk_that_is_full_for_a_while_spends_no_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistence, "MEND_EVERY", 0.1)
    bench = Bench(tmp_path)
    loop = bench.build()
    real = os.fsync

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with running(loop):
        await until(loop, lambda: loop.status().healthy)
        monkeypatch.setattr(os, "fsync", full)
        changes = loop.subscribe()
        bench.world.breaks("link-dead")
        await until(loop, lambda: "free space" in loop.status().errors.get("journal", ""))
        async with asyncio.timeout(WITHIN):
            said = await anext(changes)
            while said.event != "decision" or "free space" not in said.sentence:
                said = await anext(changes)
        assert bench.mechanism.did == []
        monkeypatch.setattr(os, "fsync", real)
        await until(loop, lambda: bench.mechanism.did == ["detach e2"])
        assert "journal" not in loop.status().errors


async def test_a_journal_that_could_not_be_opened_is_opened_later_and_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistence, "MEND_EVERY", 0.1)
    left = Journal(journal_path(tmp_path))
    left.open()
    left.begin(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e2"}), "e", 0.0)
    bench = Bench(tmp_path)
    bench.mechanism.detached = {"e2"}
    loop = bench.build()
    async with running(loop):
        await until(loop, lambda: "is in use" in loop.status().errors.get("journal", ""))
        assert bench.mechanism.detached == {"e2"}
        left.close()
        await until(loop, lambda: bench.mechanism.detached == set())
        await until(loop, lambda: "journal" not in loop.status().errors)


def _full(record: UndoRecord, episode: str, wall: float) -> int:
    from agent.mapek.journal import JournalError

    raise JournalError("no space left on device")


async def test_a_second_agent_on_the_same_state_repairs_nothing_and_says_so(tmp_path: Path) -> None:
    first = Journal(journal_path(tmp_path))
    first.open()
    bench = Bench(tmp_path)
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(loop.status().episodes))
        decision = loop.status().episodes[0].decision
        assert decision is not None
        assert "in use by a running agent" in decision.sentence
        assert "journal" in loop.status().errors
        assert not bench.mechanism.did
    first.close()


async def test_what_a_killed_agent_left_is_put_back_at_start(tmp_path: Path) -> None:
    killed = Journal(journal_path(tmp_path))
    killed.open()
    killed.begin(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e2"}), "e1", 0.0)
    killed.close()
    bench = Bench(tmp_path, mode=OBSERVE, healthy=False)
    bench.mechanism.detached.add("e2")
    loop = bench.build()
    async with running(loop):
        await until(loop, lambda: bench.mechanism.did == ["attach e2"])
    assert not bench.mechanism.detached


async def test_a_stopping_agent_puts_back_what_it_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        await until(loop, lambda: bool(bench.mechanism.detached))
    assert bench.mechanism.did == ["detach e2", "attach e2"]
    assert b"begin" not in journal_path(tmp_path).read_bytes() or not _open_after(tmp_path)


def _open_after(folder: Path) -> tuple[object, ...]:
    journal = Journal(journal_path(folder))
    journal.open()
    try:
        return journal.open_records()
    finally:
        journal.close()


async def test_a_cancelled_agent_puts_back_what_it_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    loop = bench.build()
    task = asyncio.create_task(loop.run())
    bench.world.breaks("link-dead")
    await until(loop, lambda: bool(bench.mechanism.detached))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not bench.mechanism.detached


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


async def test_the_record_of_an_act_that_still_runs_at_the_end_stays_open_for_the_next_undo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "STOP_LIMIT", 0.05)
    bench = Bench(tmp_path)
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    class Late(ScriptedAction):
        time_limit = 0.01

        def act(self, remedy: Any, effector: Any) -> None:
            begun.set()
            release.wait(WITHIN)
            super().act(remedy, effector)
            ended.set()

    bench.actions = [Late(bench.world, "detach-hardif")]
    loop = bench.build()
    async with running(loop):
        bench.world.breaks("link-dead")
        assert await asyncio.to_thread(begun.wait, WITHIN)
    release.set()  # it completes after the agent put everything else back
    assert await asyncio.to_thread(ended.wait, WITHIN)
    assert bench.mechanism.detached == {"e2"}
    journal = Journal(journal_path(tmp_path))
    journal.open()
    undo_records(journal, {action.id: action for action in bench.actions}, bench.mechanism)
    journal.close()
    assert not bench.mechanism.detached


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
