# SPDX-License-Identifier: Apache-2.0
"""Rules of the small files the page's state is kept in."""

import logging
import threading
from pathlib import Path

import pytest

from agent.web.latest import LatestFile


async def test_the_newest_is_what_is_read_back(tmp_path: Path) -> None:
    file = LatestFile(tmp_path / "new" / "x.json", 100)
    assert file.read() == b""
    for number in range(20):
        file.put(b"%d" % number)
    await file.wait()
    assert LatestFile(tmp_path / "new" / "x.json", 100).read() == b"19"
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["x.json"]


async def test_what_was_overtaken_while_the_disk_was_slow_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, go, written = LatestFile(tmp_path / "x", 100), threading.Event(), []

    def slow(raw: bytes) -> None:
        go.wait(5)
        written.append(raw)

    monkeypatch.setattr(file, "_write", slow)
    file.put(b"first")
    file.put(b"second")
    file.put(b"third")
    go.set()
    await file.wait()
    assert written[-1] == b"third"
    assert b"second" not in written


async def test_only_its_owner_can_read_it_and_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    file = LatestFile(tmp_path / "x", 100)
    (tmp_path / "victim").write_text("keep")
    (tmp_path / "x").symlink_to(tmp_path / "victim")
    file.put(b"new")
    await file.wait()
    assert (tmp_path / "victim").read_text() == "keep"
    assert (tmp_path / "x").read_bytes() == b"new"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


async def test_no_more_is_read_back_than_was_agreed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a" * 1000)
    assert len(LatestFile(tmp_path / "x", 100).read()) == 100


async def test_a_disk_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    file = LatestFile(tmp_path / "file" / "x", 100)
    with caplog.at_level(logging.WARNING):
        for raw in (b"a", b"b"):
            file.put(raw)
            await file.wait()
    assert len(caplog.messages) == 1
    assert "free space" in caplog.messages[0]
