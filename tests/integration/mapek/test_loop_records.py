# SPDX-License-Identifier: Apache-2.0
"""The loop and its journal: on disk before the act, put back at the end or at the next start."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.mapek import loop as loop_module
from agent.mapek import persistence
from agent.mapek.journal import Journal
from agent.mapek.policy import OBSERVE
from agent.mapek.replay import undo_records
from agent.remedies.base import UndoRecord
from tests.integration.mapek.bench import WITHIN, Bench, running, until
from tests.unit.mapek.world import (
    ScriptedAction,
    journal_path,
)


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
    from agent.mapek.journalfile import JournalError

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
