# SPDX-License-Identifier: Apache-2.0
"""A journal whose place cannot be written goes on in memory, and is found there by whoever comes next."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from agent.mapek.journal import Journal
from agent.mapek.journalfile import JournalBusyError, JournalError
from agent.mapek.sparejournal import SpareJournal
from agent.remedies.base import UndoRecord
from agent.undo import RUNNING, undo
from tests.unit.mapek.world import Mechanism, ScriptedAction, World, journal_path

DETACH = UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e2"})
OTHER = UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e3"})


def spare(folder: Path) -> Path:
    return folder / "run" / "undo.journal"


def opened(folder: Path) -> SpareJournal:
    journal = SpareJournal(journal_path(folder), spare(folder))
    journal.open("boot-1")
    return journal


def held(journal: Journal) -> set[str]:
    return {entry.record.args["hardif"] for entry in journal.open_records()}


def fail(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """From now on nothing can be written in these."""
    write, create = os.write, os.open

    def refuse(fd: int, data: bytes) -> int:
        target = Path(f"/proc/self/fd/{fd}").readlink()
        if target.parent in folders:
            raise OSError(errno.EROFS, "Read-only file system")
        return write(fd, data)

    def forbid(path: Any, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT and Path(path).parent in folders:
            raise OSError(errno.EROFS, "Read-only file system")
        return create(path, flags, mode)

    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(os, "open", forbid)


def test_a_card_that_can_be_written_needs_no_spare(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.begin(DETACH, "e1", 1.0)
    journal.close()
    assert not spare(tmp_path).exists()


def test_a_card_that_fails_under_way_leaves_everything_in_the_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    journal.begin(DETACH, "e1", 1.0)
    fail(monkeypatch, tmp_path)
    seq = journal.begin(OTHER, "e2", 2.0)
    assert journal.trouble == ""
    assert any("goes on in memory" in note for note in journal.notes)
    journal.done(seq)
    journal.close()
    again = opened(tmp_path)
    assert held(again) == {"e2"}
    again.close()


def test_a_card_that_failed_before_the_start_is_read_and_its_records_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Journal(journal_path(tmp_path))
    before.open("boot-1")
    before.begin(DETACH, "e1", 1.0)
    before.close()
    fail(monkeypatch, tmp_path)
    journal = opened(tmp_path)
    assert journal.trouble == ""
    assert held(journal) == {"e2"}
    journal.begin(OTHER, "e2", 2.0)
    journal.close()
    assert held(opened(tmp_path)) == {"e2", "e3"}


def test_what_a_killed_agent_left_is_put_back_from_the_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    with monkeypatch.context() as patched:
        fail(patched, tmp_path)
        journal.begin(DETACH, "e1", 1.0)
    mechanism, said = Mechanism(), list[str]()
    mechanism.detached.add("e2")
    action: Any = ScriptedAction(World(), "detach-hardif")
    actions = {action.id: action}
    assert undo(tmp_path, actions, lambda: mechanism, said.append, spare(tmp_path)) == RUNNING
    journal.close()
    assert undo(tmp_path, actions, lambda: mechanism, said.append, spare(tmp_path)) == 0
    assert mechanism.did == ["attach e2"]
    assert not opened(tmp_path).open_records()


def test_where_neither_can_be_written_nothing_is_begun_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    spare(tmp_path).parent.mkdir()
    with monkeypatch.context() as patched:
        fail(patched, tmp_path, spare(tmp_path).parent)
        with pytest.raises(JournalError, match="nor can"):
            journal.begin(DETACH, "e1", 1.0)
        assert "Read-only file system" in journal.trouble
        assert journal.path == journal_path(tmp_path)
    assert journal.mend()
    journal.begin(DETACH, "e1", 1.0)
    journal.close()


def test_a_running_agent_s_journal_is_nobody_else_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    with pytest.raises(JournalBusyError):
        opened(tmp_path)
    with monkeypatch.context() as patched:
        fail(patched, tmp_path)
        journal.begin(DETACH, "e1", 1.0)
    with pytest.raises(JournalBusyError):
        opened(tmp_path)
    with pytest.raises(JournalBusyError):
        Journal(journal_path(tmp_path)).open()
    journal.close()
    opened(tmp_path).close()
