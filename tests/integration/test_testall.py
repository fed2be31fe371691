# SPDX-License-Identifier: Apache-2.0
"""`make test-all`: a part ends in time with all it started, and a result belongs to a state of the tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.lab import claim, state
from tools.testall import run, tree
from tools.testall.plugin import REPORT

# starts a process that leaves its session and its parent, as QEMU does, then waits
DAEMON = """
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import time; print("lives", flush=True); time.sleep(600)'],
    start_new_session=True, stdout=open(sys.argv[1], 'w'))
while not open(sys.argv[1]).read(): time.sleep(0.01)
if sys.argv[2] == 'wait': time.sleep(600)
sys.exit(3)
"""


@pytest.fixture(autouse=True)
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "LABS", tmp_path / "labs")
    (tmp_path / "labs").mkdir()
    return tmp_path / "labs"


def bounded(tmp_path: Path, how: str, limit_s: float) -> run.Run:
    argv = [sys.executable, "-c", DAEMON, str(tmp_path / "out"), how]
    return run.bounded(argv, limit_s, cwd=tmp_path, env=os.environ, grace_s=5.0)


def test_what_a_run_left_is_ended_with_it(tmp_path: Path) -> None:
    done = bounded(tmp_path, "go", 60.0)
    assert (done.code, done.broken_off, done.left) == (3, None, 1)
    assert (tmp_path / "out").read_text() == "lives\n"


def test_a_run_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    done = bounded(tmp_path, "wait", 3.0)
    assert (done.broken_off, done.left) == ("timeout", 1)
    assert done.seconds < 20.0


def test_a_program_that_ignores_the_interrupt_is_killed(tmp_path: Path) -> None:
    script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    argv = [sys.executable, "-c", script]
    done = run.bounded(argv, 1.0, cwd=tmp_path, env=os.environ, grace_s=0.5)
    assert (done.broken_off, done.left) == ("timeout", 0)
    assert done.code < 0


def test_processes_of_others_are_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, run.MARK: "another"})
    try:
        bounded(tmp_path, "go", 60.0)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_labs_of_a_run_are_removed_and_those_of_others_are_not(labs: Path) -> None:
    for name, starter in (("mine", 4194305), ("other", os.getppid())):
        (labs / name).mkdir()
        (labs / name / claim.STARTER).write_text(str(starter))
    run.sweep("no process has this mark", 4194305)
    assert [path.name for path in labs.iterdir()] == ["other"]


def test_an_interrupt_ends_the_run_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = subprocess.Popen.wait
    asked: list[float | None] = []

    def wait(self: Any, timeout: float | None = None) -> int:
        asked.append(timeout)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return waited(self, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert run.bounded(argv, 60.0, cwd=tmp_path, env=os.environ).broken_off == "interrupted"


def test_each_tests_outcome_is_told_with_that_of_its_clearing_away(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def dirty():\n"
        "    yield\n"
        "    assert False\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "def test_left_out(): pytest.skip('why')\n"
        "def test_dirty(dirty): pass\n"
    )
    report = tmp_path / "report"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tools.testall.plugin", "-p", "no:cacheprovider"]
    environment = {**os.environ, REPORT: str(report), "PYTHONPATH": str(state.TREE)}
    subprocess.run(argv, cwd=tmp_path, env=environment, check=False, capture_output=True)
    told = dict(json.loads(line) for line in report.read_text().splitlines())
    assert {test.partition("::")[2]: outcome for test, outcome in told.items()} == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_left_out": "skipped",
        "test_dirty": "failed",
    }


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of a source and a text."""
    place = tmp_path / "tree"
    (place / "docs").mkdir(parents=True)
    git(place, "init", "-q")
    (place / "code.py").write_text("one")
    commit(place)
    return place


def git(place: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=place, check=True, capture_output=True)


def commit(place: Path) -> None:
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "a step")


def test_a_change_of_code_is_another_tree_committed_or_not(repository: Path) -> None:
    seen = [tree.state(repository)]
    (repository / "code.py").write_text("two")
    seen.append(tree.state(repository))
    assert seen[1].startswith(f"{seen[0]}+")
    commit(repository)
    seen.append(tree.state(repository))
    (repository / "new.py").write_text("new")
    seen.append(tree.state(repository))
    (repository / "new.py").write_text("newer")
    seen.append(tree.state(repository))
    assert len(set(seen)) == len(seen)


def test_a_result_noted_in_a_text_leaves_the_tree_the_same(repository: Path) -> None:
    before = tree.state(repository)
    (repository / "README.md").write_text("passed")
    (repository / "docs" / "picture.svg").write_text("<svg/>")
    assert tree.state(repository) == before
    commit(repository)
    assert tree.state(repository) == before


def test_a_tree_without_git_has_no_state(tmp_path: Path) -> None:
    assert tree.state(tmp_path / "nowhere") == ""
