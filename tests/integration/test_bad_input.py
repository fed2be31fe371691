# SPDX-License-Identifier: Apache-2.0
"""The whole agent, as a process, before broken files and a kernel without batman-adv.

It says what is wrong and goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import netns
from tests.integration.harm import LOG_MAX
from tests.integration.running import TREE, Agent, running, until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
WANTS_MESH = "{interfaces: [{name: x0gone0, kind: wire}], primary: x0tprim, name: x0tbat}"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running(tmp_path) as agent:
        yield agent


# no batman-adv


@pytest.mark.parametrize("mode", ["observe", "heal"])
def test_kernel_without_batman_adv_is_said_and_how_to_mend_it(tmp_path: Path, mode: str) -> None:
    why = netns.missing()
    if why:
        pytest.skip(why)
    if Path("/sys/module/batman_adv").exists():
        pytest.skip("this kernel has batman-adv")
    name = f"x0bad{os.getpid()}"
    netns.ip("netns", "add", name)
    try:
        netns.ip("-n", name, "link", "set", "lo", "up")
        with (
            netns.inside(name),
            running(tmp_path, mode=mode, mesh=WANTS_MESH) as agent,
        ):
            told = agent.said(lambda line: "batman" in line["message"])
            assert told["level"] in ("warning", "info")
            assert "modprobe batman-adv" in told["message"]
            until(lambda: b"modprobe batman-adv" in agent.get("/")[1], "the page says so")
            before = len(agent.lines())
            time.sleep(5.0)  # the time in which nothing may be said again
            assert len(agent.lines()) - before <= 5
            assert agent.acted() == []
    finally:
        netns.ip("netns", "del", name)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0" * 4096, os.urandom(8192), b"SQLite format 3\0" + os.urandom(5000)],
    ids=["empty", "zeros", "noise", "damaged"],
)
def test_broken_knowledge_is_set_aside_and_begun_anew(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/knowledge.db").write_bytes(garbage)
    with running(tmp_path) as agent:
        if garbage:
            note = agent.message("knowledge.db was damaged")
            assert "kept as knowledge.db.broken-1" in note["message"]
            assert (tmp_path / "state/knowledge.db.broken-1").read_bytes() == garbage
        assert agent.status()["errors"] == {}


def record(seq: int) -> bytes:
    undo = {"action": "detach-hardif", "args": {"mesh": "x0tbat", "hardif": "x0gone0"}}
    return json.dumps({"begin": seq, "record": undo, "episode": "e", "at": 1.0}).encode() + b"\n"


def test_garbage_in_the_undo_journal_is_kept_aside_and_good_records_are_replayed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    journal = tmp_path / "state/undo.journal"
    deep = b"[" * 100_000 + b"\n"
    journal.write_bytes(
        b"\xff\xfe nonsense\n" + deep + record(1) + b'{"begin": -1}\n[]\n7\n' + record(2)[:40]
    )
    with running(tmp_path) as agent:
        agent.message("lines are no records and were ignored")
        agent.message("the last line was torn")
        agent.message("1 changes of a former run were put back")
        assert (tmp_path / "state/undo.journal.broken").exists()
        assert agent.status()["errors"] == {}
        assert agent.pss_kb() < 60_000


def test_oversized_undo_journal_is_read_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with (tmp_path / "state/undo.journal").open("wb") as file:
        file.write(record(1))
        file.truncate(64 * 1024 * 1024)
    with running(tmp_path) as agent:
        agent.message("only its head was read")
        agent.message("1 changes of a former run were put back")
        assert agent.pss_kb() < 60_000


@contextlib.contextmanager
def tmpfs(where: Path, size: str) -> Iterator[None]:
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "x0test", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(where)], check=True)


def fill(where: Path) -> Path:
    ballast = where / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


@ROOT
def test_a_node_on_a_read_only_state_directory_keeps_its_journal_in_memory_and_says_so(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with tmpfs(state, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
        with running(tmp_path) as agent:
            agent.message("the undo journal goes on in memory")
            assert (tmp_path / "undo.journal").exists()
            errors = agent.status()["errors"]
            assert "store" in errors
            assert "journal" not in errors


@ROOT
def test_read_only_state_directory_is_said_and_watched_until_it_is_mended(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (tmp_path / "undo.journal.lock").mkdir()  # nor can a journal be kept beside the control socket
    with tmpfs(state, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
        with running(tmp_path) as agent:
            told = agent.event("journal-trouble")
            assert "make the state directory writable" in told["message"]
            assert set(agent.status()["errors"]) >= {"journal", "store"}
            assert b"make the state directory writable" in agent.get("/")[1]
            subprocess.run(["mount", "-o", "remount,rw", str(state)], check=True)
            agent.event("journal-ready", 60.0)
            until(lambda: agent.status()["errors"] == {}, "no errors are left", 60.0)


@ROOT
def test_full_disk_is_said_and_over_when_space_is_freed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with tmpfs(state, "256k"):
        ballast = fill(state)
        with running(tmp_path) as agent:
            errors = until(lambda: agent.status()["errors"], "the page says so")
            assert "store" in errors
            assert agent.get("/healthz")[0] == 200
            ballast.unlink()
            until(lambda: agent.status()["errors"] == {}, "no errors are left", 60.0)
            before = len(agent.lines())
            assert before < LOG_MAX


def test_every_mistake_is_named_at_start_with_file_line_and_mend(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("node: {name: a b}\nmode: heel\nmesh: {enabled: false, hop_penalty: 300}\nwebb: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--config", str(path)],
        cwd=TREE, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    for number, word in enumerate(("name", "heal", "hop_penalty", "web"), 1):
        line = next(line for line in done.stderr.splitlines() if line.startswith(f"{path}:{number}:"))
        assert word in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\0", b"\xff\xfe", b"a: &a [*a]\n", b"x: " + b"[" * 5000, b"k: v\n" * 200_000],
    ids=["empty", "nul", "no-utf8", "cycle", "deep", "large"],
)
def test_hostile_configuration_is_refused_in_words_and_the_old_one_stays(
    agent: Agent, content: bytes
) -> None:
    good = agent.config.read_bytes()
    agent.config.write_bytes(content)
    agent.process.send_signal(signal.SIGHUP)
    agent.event("reload-refused")
    assert "the old one holds" in agent.status()["errors"]["configuration"]
    assert agent.status()["mode"] == "observe"
    assert len(agent.lines()) < LOG_MAX
    agent.config.write_bytes(good)
    agent.process.send_signal(signal.SIGHUP)
    agent.message("The configuration is as before.")
    assert agent.status()["errors"] == {}


def test_missing_configuration_at_reload_leaves_the_old_one(agent: Agent) -> None:
    agent.config.unlink()
    agent.process.send_signal(signal.SIGHUP)
    agent.event("reload-refused")
    assert "the old one holds" in agent.status()["errors"]["configuration"]
