# SPDX-License-Identifier: Apache-2.0
"""`make run`: it shows its page, a second one spares it, and whatever ends it, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lab import lifecycle, state

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

READY_S = 180.0  # three agents in an emulated machine, beside whatever else the host does
END_S = 30.0
NAME = f"demo-{os.getpid()}"
DEMO = [sys.executable, "-m", "tools.lab.demo", "--topology", "line:3", "--name", NAME]
CLI = [sys.executable, "-m", "tools.lab.cli"]


class Demo:
    """A running demonstration and what it printed."""

    def __init__(self, out: Path) -> None:
        self.out = out
        # a run in the background of a script ignores SIGINT, and so would its children
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with out.open("wb") as handle:
            self.process = subprocess.Popen(
                DEMO, cwd=state.TREE, stdout=handle, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )

    def printed(self, text: str) -> str:
        """Return the line that begins so, as soon as it stands there."""
        deadline = time.monotonic() + READY_S
        while True:
            for line in self.out.read_text().splitlines():
                if line.strip().startswith(text):
                    return line.strip()
            assert self.process.poll() is None, self.out.read_text()
            assert time.monotonic() < deadline, f"no {text!r}: {self.out.read_text()}"
            time.sleep(0.1)

    def machine(self) -> Path:
        """Return /proc/PID of its machine, as soon as there is one."""
        deadline = time.monotonic() + READY_S
        while not (found := machines()):
            assert self.process.poll() is None, self.out.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found[0]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path / "out")
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()
        lifecycle.down(NAME)


def machines() -> list[Path]:
    """Return /proc/PID of the processes that work in the lab's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(f"{state.folder(NAME)}/") in path.read_bytes():
                found.append(path.parent)
        except OSError:
            continue  # it ended meanwhile
    return found


def assert_nothing_is_left() -> None:
    assert machines() == []
    assert [path.name for path in state.LABS.iterdir() if path.name.startswith(NAME)] == []


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        cwd=state.TREE,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_the_demo_lives_beside_a_second_one_and_ctrl_c_leaves_nothing_behind(demo: Demo) -> None:
    page = demo.printed("n1  http://127.0.0.1:").split()[1]
    machine = demo.machine()

    second = run(*DEMO)
    assert second.returncode == 2
    assert "runs already" in second.stdout
    assert "Traceback" not in second.stdout + second.stderr
    assert demo.process.poll() is None
    assert machines() == [machine], "the first one's machine lives on"
    with urllib.request.urlopen(page, timeout=20) as answer:
        assert b"<title>n1: x0tta6bl4" in answer.read()

    logs = run(*CLI, "logs", "n2", "--name", NAME)
    assert logs.returncode == 0, logs.stderr
    assert '"node":"n2"' in logs.stdout.replace('": "', '":"')
    unknown = run(*CLI, "logs", "n9", "--name", NAME)
    assert unknown.returncode == 2
    assert "no node 'n9'" in unknown.stderr

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(END_S) == 0
    assert "Ending." in demo.out.read_text()
    assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_an_end_while_it_boots_leaves_nothing_behind(demo: Demo, number: signal.Signals) -> None:
    demo.machine()
    second = run(*DEMO)
    assert second.returncode == 2
    assert "is being started by another process" in second.stdout
    assert len(machines()) == 1
    demo.process.send_signal(number)
    demo.process.send_signal(number)  # an impatient second one does not stop the first one's work
    assert demo.process.wait(READY_S) == 0, demo.out.read_text()
    assert_nothing_is_left()
