# SPDX-License-Identifier: Apache-2.0
"""Making room: which files go, in which order, and which never do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.effects import disk
from agent.remedies.base import ActionError

ALL = 1 << 62  # bytes no disk has free


def logs(folder: Path, *names: str) -> None:
    """Each a little younger than the one before."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 5000)
        os.utime(path, (1e9 + number, 1e9 + number))


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_rotated_logs_go_and_nothing_else(tmp_path: Path) -> None:
    kept = {
        "syslog",
        "kern.log",
        "app-1234",
        "notes.txt",
        "journal/abc/system@1.journal.1",
        "a/b/c/d/deep.log.1",
        "1",
        "gz",
    }
    logs(tmp_path, *sorted(kept), "syslog.1", "syslog.2.gz", "boot.log.old", "mesh/x.log-20260101.xz")
    (tmp_path / "link.1").symlink_to(tmp_path / "syslog")
    assert disk.drop_old_logs(str(tmp_path), ALL, 0, tmp_path) > 0
    assert left(tmp_path) == kept | {"link.1"}


def test_the_oldest_go_first_and_no_more_than_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs(tmp_path, "c.log.1", "a.log.9", "b.log.2.gz")
    monkeypatch.setattr(disk, "free", lambda path: 100 - 10 * len(left(tmp_path)))
    disk.drop_old_logs(str(tmp_path), 90, 0, tmp_path)
    assert left(tmp_path) == {"b.log.2.gz"}


def test_old_logs_are_removed_for_their_inodes_where_bytes_are_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs(tmp_path, "c.log.1", "a.log.9", "b.log.2.gz")
    monkeypatch.setattr(disk, "free_inodes", lambda path: 5 - len(left(tmp_path)))
    disk.drop_old_logs(str(tmp_path), 1, 4, tmp_path)
    assert left(tmp_path) == {"b.log.2.gz"}


def test_where_there_is_room_already_nothing_is_removed_and_nothing_is_wrong(tmp_path: Path) -> None:
    logs(tmp_path, "syslog.1")
    assert disk.drop_old_logs(str(tmp_path), 1, 1, tmp_path) == 0
    assert left(tmp_path) == {"syslog.1"}


def test_nothing_to_remove_is_said(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="no rotated ones"):
        disk.drop_old_logs(str(tmp_path), ALL, 0, tmp_path)
    with pytest.raises(ActionError, match="gone"):
        disk.drop_old_logs(str(tmp_path / "gone"), ALL, 0, tmp_path)


def test_logs_on_another_file_system_make_no_room_here(tmp_path: Path) -> None:
    logs(tmp_path, "syslog.1")
    with pytest.raises(ActionError, match="no rotated ones"):
        disk.drop_old_logs("/proc", ALL, 0, tmp_path)
    assert left(tmp_path) == {"syslog.1"}


def test_a_file_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs(tmp_path, "syslog.1")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ActionError, match=r"syslog\.1: Permission denied"):
        disk.drop_old_logs(str(tmp_path), ALL, 0, tmp_path)


def program(folder: Path, text: str) -> None:
    path = folder / "journalctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_system_journal_is_asked_to_make_itself_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, f'echo "$@" >{tmp_path}/asked')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sizes = iter((1000, 6000))
    monkeypatch.setattr(disk, "free", lambda path: next(sizes))
    assert disk.vacuum_journal(16_000_000) == 5000
    assert (tmp_path / "asked").read_text() == "--rotate --vacuum-size=16000000\n"


def test_a_system_journal_that_refuses_or_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free", lambda path: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ActionError, match="there is none"):
        disk.vacuum_journal(1)
    program(tmp_path, "echo no rights >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ActionError, match="no rights"):
        disk.vacuum_journal(1)


def test_damaged_files_that_were_kept_are_given_up(tmp_path: Path) -> None:
    logs(tmp_path, "knowledge.db", "knowledge.db.broken-1", "undo.journal", "undo.journal.broken")
    assert disk.drop_set_aside(tmp_path) == 10_000
    assert left(tmp_path) == {"knowledge.db", "undo.journal"}
