# SPDX-License-Identifier: Apache-2.0
"""The undo journal on a real file system: what is begun survives every kind of end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.mapek import journal as module
from agent.mapek.journal import MAX_OPEN, Journal
from agent.mapek.journalfile import JournalBusyError, JournalError
from agent.mapek.replay import undo_records
from agent.remedies.base import UndoRecord
from agent.undo import LEFT, NO_CONFIG, RUNNING, main, undo
from tests.unit.mapek.world import Mechanism, ScriptedAction, World, journal_path

DETACH = UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e2"})


def opened(folder: Path) -> Journal:
    journal = Journal(journal_path(folder))
    journal.open()
    return journal


def seqs(journal: Journal) -> list[int]:
    return [entry.seq for entry in journal.open_records()]


def test_what_is_begun_and_not_done_is_open_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    first = journal.begin(DETACH, "e1", 1.0)
    second = journal.begin(DETACH, "e2", 2.0)
    journal.done(first)
    journal.close()
    again = opened(tmp_path)
    assert seqs(again) == [second]
    assert again.detached() == {"e2"}
    assert again.begin(DETACH, "e3", 3.0) > second
    again.close()


def test_a_torn_last_line_is_ignored_and_the_next_record_is_whole(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.begin(DETACH, "e1", 1.0)
    journal.close()
    with journal_path(tmp_path).open("ab") as file:
        file.write(b'{"begin":2,"record":{"act')
    again = opened(tmp_path)
    assert seqs(again) == [1]
    assert "torn" in again.notes[0]
    again.begin(DETACH, "e2", 2.0)
    again.close()
    third = opened(tmp_path)
    assert seqs(third) == [1, 2]
    assert not third.notes
    third.close()


def test_garbage_is_set_aside_and_good_lines_are_kept(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.begin(DETACH, "e1", 1.0)
    journal.close()
    path = journal_path(tmp_path)
    path.write_bytes(b"\x00\xff\n[1]\nnull\n" + path.read_bytes() + b'{"begin":true}\n')
    again = opened(tmp_path)
    assert seqs(again) == [1]
    assert "4 lines are no records" in again.notes[0]
    assert path.with_name("undo.journal.broken").read_bytes().startswith(b"\x00\xff")
    again.close()


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
def test_any_content_opens_and_takes_a_record(tmp_path: Path, content: bytes) -> None:
    journal_path(tmp_path).write_bytes(content)
    journal = opened(tmp_path)
    seq = journal.begin(DETACH, "e1", 1.0)
    journal.close()
    again = opened(tmp_path)
    assert seq in seqs(again)
    again.close()


def test_it_is_compacted_at_start_and_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    journal = opened(tmp_path)
    kept = journal.begin(DETACH, "kept", 0.0)
    for _ in range(50):
        journal.done(journal.begin(DETACH, "e", 0.0))
        assert journal_path(tmp_path).stat().st_size < 1500
    journal.close()
    again = opened(tmp_path)
    assert seqs(again) == [kept]
    assert journal_path(tmp_path).stat().st_size < 200
    again.close()


def test_outstanding_changes_are_bounded(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(MAX_OPEN):
        journal.begin(DETACH, "e", 0.0)
    with pytest.raises(JournalError, match="not undone yet"):
        journal.begin(DETACH, "e", 0.0)
    journal.close()


def test_a_full_disk_forbids_the_change_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    journal.begin(DETACH, "e1", 0.0)
    real = os.write

    def half(fd: int, data: bytes) -> int:
        if len(data) > 20:
            return real(fd, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", half)
        with pytest.raises(JournalError, match="free space"):
            journal.begin(DETACH, "e2", 0.0)
    assert seqs(journal) == [1]
    journal.begin(DETACH, "e3", 0.0)
    journal.close()
    again = opened(tmp_path)
    assert [entry.episode for entry in again.open_records()] == ["e1", "e3"]
    assert not again.notes
    again.close()


def test_two_processes_never_share_it(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(JournalError, match="in use by a running agent"):
        Journal(journal_path(tmp_path)).open()
    journal.close()
    opened(tmp_path).close()


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from agent.mapek.journal import Journal
from agent.remedies.base import UndoRecord
journal = Journal(Path(sys.argv[1]))
journal.open()
journal.begin(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e2"}), "e1", 0.0)
if sys.argv[2] == "acted":
    Path(sys.argv[3]).touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["journaled", "acted"])
def test_a_kill_between_journal_and_act_or_after_it_is_put_back(tmp_path: Path, moment: str) -> None:
    changed = tmp_path / "changed"
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, journal_path(tmp_path), moment, changed], check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert changed.exists() == (moment == "acted")
    mechanism = Mechanism()
    if changed.exists():
        mechanism.detached.add("e2")
    said: list[str] = []
    action: Any = ScriptedAction(World(), "detach-hardif")
    assert undo(tmp_path, {action.id: action}, lambda: mechanism, said.append) == 0
    assert mechanism.did == ["attach e2"]
    assert said == ["undo: put back detach-hardif mesh=bat0 hardif=e2\n"]
    assert undo(tmp_path, {action.id: action}, lambda: mechanism, said.append) == 0
    assert mechanism.did == ["attach e2"]


def test_replay_goes_newest_first_and_past_what_fails(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for name in ("e1", "e2", "e3"):
        journal.begin(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": name}), "e", 0.0)
    journal.begin(UndoRecord("unknown", {}), "e", 0.0)
    mechanism = Mechanism()
    action: Any = ScriptedAction(World(), "detach-hardif")
    action.undo_fails = 1
    put_back, errors = undo_records(journal, {action.id: action}, mechanism)
    assert mechanism.did == ["attach e2", "attach e1"]
    assert put_back == [2, 1]
    assert "no such action" in errors[0]
    assert "the kernel said no" in errors[1]
    assert seqs(journal) == [3, 4]
    journal.close()


def test_the_undo_command_says_what_stays_changed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.begin(UndoRecord("unknown", {}), "e", 0.0)
    said: list[str] = []
    assert undo(tmp_path, {}, Mechanism, said.append) == RUNNING
    journal.close()
    assert undo(tmp_path, {}, Mechanism, said.append) == LEFT
    assert "put it back by hand" in said[-1]


def test_the_undo_command_reads_the_configuration_and_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "x0.yaml"
    config.write_text(f"node: {{name: n1, state_dir: {tmp_path}}}\nmesh: {{enabled: false}}\n")
    assert main(["--config", str(config)]) == 0
    assert capsys.readouterr().out == "undo: nothing to put back\n"
    journal = opened(tmp_path)
    assert main(["--config", str(config)]) == RUNNING
    journal.close()


def test_the_undo_command_puts_back_a_link_that_no_longer_exists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "x0.yaml"
    config.write_text(f"node: {{name: n1, state_dir: {tmp_path}}}\nmesh: {{enabled: false}}\n")
    journal = opened(tmp_path)
    journal.begin(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "x0absent"}), "e1", 0.0)
    journal.close()
    assert main(["--config", str(config)]) == 0
    assert "put back detach-hardif mesh=bat0 hardif=x0absent" in capsys.readouterr().out
    again = opened(tmp_path)
    assert not again.open_records()
    again.close()


def test_the_undo_command_replays_the_journal_even_where_the_configuration_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x0.yaml").write_text("nod: {}\n")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    journal = opened(tmp_path)
    journal.begin(UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "x0absent"}), "e1", 0.0)
    journal.close()
    assert main(["--config", str(tmp_path / "x0.yaml")]) == NO_CONFIG
    said = capsys.readouterr()
    assert "x0.yaml:1" in said.err
    assert "put back detach-hardif mesh=bat0 hardif=x0absent" in said.out
    journal = opened(tmp_path)
    assert not journal.open_records()
    assert main(["--config", str(tmp_path / "x0.yaml")]) == RUNNING
    journal.close()


def test_without_configuration_and_state_directory_nothing_is_made_or_put_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "absent"))
    assert main(["--config", str(tmp_path / "x0.yaml")]) == NO_CONFIG
    assert "nothing was put back" in capsys.readouterr().err
    assert not (tmp_path / "absent").exists()


def test_the_undo_command_puts_back_where_the_lock_cannot_be_written(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.begin(DETACH, "e1", 0.0)
    journal.close()
    lock = tmp_path / f"{journal.path.name}.lock"
    lock.unlink()
    lock.mkdir()  # opening it for writing fails, also for root
    mechanism, said = Mechanism(), list[str]()
    mechanism.detached.add("e2")
    action: Any = ScriptedAction(World(), "detach-hardif")
    assert undo(tmp_path, {action.id: action}, lambda: mechanism, said.append) == 0
    assert mechanism.did == ["attach e2"]
    assert any("put back all the same" in text for text in said)


def test_a_journal_that_cannot_be_read_at_all_leaves_something(tmp_path: Path) -> None:
    journal_path(tmp_path).mkdir()
    (tmp_path / f"{journal_path(tmp_path).name}.lock").mkdir()
    assert undo(tmp_path, {}, Mechanism, lambda _: None) == LEFT


def test_what_a_running_agent_holds_is_not_replayed_read_only_either(tmp_path: Path) -> None:
    holder = opened(tmp_path)
    with pytest.raises(JournalBusyError):
        Journal(journal_path(tmp_path)).open_read_only()
    holder.close()
