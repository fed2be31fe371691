# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to an act or an undo, it is reported: an episode never waits for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.events import Diagnosis, Remedy
from agent.mapek import execute
from agent.mapek.execute import MAX_WORKERS, Done, Executor
from agent.mapek.journal import Journal
from agent.mapek.tick import Act, Undo
from tests.unit.mapek.world import LINK, Mechanism, World, journal_path, standard_actions


class Stand:
    """An executor, and what it reported; `forbidden` raises what `trouble` holds."""

    def __init__(self, folder: Path) -> None:
        self.trouble: Exception | None = None
        self.acted: list[tuple[str, Done]] = []
        self.undone: list[tuple[str, tuple[int, ...], str]] = []
        self.mechanism = Mechanism()
        journal = Journal(journal_path(folder))
        journal.open()
        self.executor = Executor(
            standard_actions(World()),
            self.mechanism,
            journal,
            jitter=lambda: 0.0,
            wall=lambda: 0.0,
            forbidden=lambda act: self._forbidden(),
            announce=lambda act: None,
            before=lambda act: None,
            acted=lambda episode, done: self.acted.append((episode, done)),
            undone=lambda episode, seqs, error: self.undone.append((episode, seqs, error)),
        )

    def _forbidden(self) -> str:
        if self.trouble is not None:
            raise self.trouble
        return ""

    async def act(self, action: str = "detach-hardif") -> Done:
        """Begins it, and waits for its report."""
        diagnosis = Diagnosis("e1", "link-dead", LINK, 1.0, 1.0, {})
        self.executor.act(Act(diagnosis, Remedy(action, LINK, {"hardif": "e2"})))
        assert await self.executor.drain(10)
        return self.acted.pop()[1]

    async def undo(self, seq: int) -> tuple[str, tuple[int, ...], str]:
        """As `act`."""
        self.executor.undo(Undo("e1", (seq,)))
        assert await self.executor.drain(10)
        return self.undone.pop()


def no_thread(name: str) -> Any:
    raise RuntimeError("can't start new thread")


async def test_an_act_whose_permission_cannot_be_asked_is_reported_as_an_error(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.trouble = ZeroDivisionError("in the policy")
    done = await stand.act()
    assert (done.seq, done.withdrawn) == (None, False)
    assert "ZeroDivisionError" in done.error
    stand.trouble = None
    assert (await stand.act()).error == ""
    assert stand.mechanism.did == ["detach e2"]


async def test_an_act_of_an_action_that_is_gone_is_reported_as_an_error(tmp_path: Path) -> None:
    assert "KeyError" in (await Stand(tmp_path).act("dance")).error


async def test_an_act_or_undo_without_a_thread_is_reported_and_takes_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = Stand(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(execute, "Worker", no_thread)
        for _ in range(MAX_WORKERS + 1):
            assert "can't start new thread" in (await stand.act()).error
        episode, seqs, error = await stand.undo(1)
        assert (episode, seqs) == ("e1", ())
        assert "can't start new thread" in error
    assert stand.executor.stopped() == ""
    done = await stand.act()
    assert (done.seq, done.error) == (1, "")
    assert await stand.undo(1) == ("e1", (1,), "")
    assert stand.mechanism.did == ["detach e2", "attach e2"]
