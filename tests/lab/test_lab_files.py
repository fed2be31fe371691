# SPDX-License-Identifier: Apache-2.0
"""A topology from a file: its star and shapes are the kernel's, also after a fault; and `lab shell`."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tools.lab import lifecycle
from tools.lab.client import Lab
from tools.lab.ping import read

pytestmark = pytest.mark.long

DELAY_MS, RATE_BIT, LOSS = 20.0, 400_000, 30.0
TEXT = f"""\
nodes: 3
links:
- {{a: n1, b: n2, delay_ms: {DELAY_MS}, rate: {RATE_BIT // 1000}kbit}}
- {{a: n3, b: n1, loss_percent: {LOSS}}}
"""
PINGS = 200
LARGE, SMALL = 1350, 56
# ping counts its own payload: the headers are alike in both, so only the difference is the rate's
LARGE_MORE_MS = 2 * (LARGE - SMALL) * 8 / RATE_BIT * 1e3


@pytest.fixture(scope="module")
def star(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """n1 in the middle of n2 and n3, without agents, read from a file."""
    path = tmp_path_factory.mktemp("topology") / "star.yaml"
    path.write_text(TEXT)
    name = f"files-{os.getpid()}"
    try:
        yield lifecycle.up(str(path), name=name, agents=False)
    finally:
        lifecycle.down(name)


def shape(lab: Lab, node: str, device: str) -> dict[str, Any]:
    """Return what `tc` tells of a device's netem: seconds, part of 1, bytes a second; {} without one."""
    (qdisc,) = lab.json(node, "tc", "-j", "qdisc", "show", "dev", device)
    if qdisc["kind"] != "netem":
        return {}
    told = qdisc["options"]
    return {
        "delay": told.get("delay", {}).get("delay", 0),
        "loss": round(told.get("loss-random", {}).get("loss", 0), 6),
        "rate": told.get("rate", {}).get("rate", 0),
    }


SLOW = {"delay": DELAY_MS / 1e3, "loss": 0, "rate": RATE_BIT // 8}
LOSSY = {"delay": 0, "loss": LOSS / 100, "rate": 0}


def least_ms(lab: Lab, size: int) -> float:
    """Return the least round trip of ten between n1 and n2."""
    told = lab.exec("n1", "ping", "-D", "-n", "-c10", "-i0.2", "-W5", "-s", str(size), "10.77.0.2").stdout
    report = read(told, 0.2)
    assert report.rtt_ms is not None, told
    return report.rtt_ms[0]


def assert_slow(lab: Lab) -> None:
    assert shape(lab, "n1", "e2") == shape(lab, "n2", "e1") == SLOW
    small = least_ms(lab, SMALL)
    assert 2 * DELAY_MS <= small < 2 * DELAY_MS + LARGE_MORE_MS
    assert least_ms(lab, LARGE) - small == pytest.approx(LARGE_MORE_MS, rel=0.5)


def lab(star: Lab, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tools.lab.cli", *words]
    environment = {**os.environ, "X0_LAB": star.state.name}
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=60, env=environment, **given
    )


def test_the_file_is_a_star_through_its_middle(star: Lab) -> None:
    assert star.path("n2", "n3") == ["n2", "n1", "n3"]
    assert set(star.exec("n1", "ls", "/sys/class/net").stdout.split()) >= {"e2", "e3"}
    assert "e3" not in star.exec("n2", "ls", "/sys/class/net").stdout.split()


def test_delay_and_rate_are_in_force_and_again_after_a_fault_was_cleared(star: Lab) -> None:
    assert_slow(star)
    star.inject("link-dead", "n1", "n2")
    assert shape(star, "n1", "e2")["loss"] == 1
    assert star.exec("n1", "ping", "-n", "-c3", "-i0.2", "-W1", "10.77.0.2", check=False).exit == 1
    star.clear()
    lifecycle.wait_answer(star, "n1", "n2", lifecycle.MESH_S)
    assert_slow(star)


def test_loss_is_in_force_and_again_after_a_fault_was_cleared(star: Lab) -> None:
    assert shape(star, "n1", "e3") == shape(star, "n3", "e1") == LOSSY
    star.inject("one-way", "n3", "n1")
    assert shape(star, "n1", "e3")["loss"] == 1
    assert shape(star, "n3", "e1") == LOSSY, "the other direction is left as it was"
    star.clear()
    lifecycle.wait_answer(star, "n1", "n3", lifecycle.MESH_S)
    assert shape(star, "n1", "e3") == LOSSY
    told = star.exec("n1", "ping", "-n", "-q", f"-c{PINGS}", "-i0.02", "-W2", "10.77.0.3").stdout
    match = re.search(r"(\d+) received", told)
    assert match is not None, told
    # (1 - 0.3)^2 = 49 % come back: 98 of 200, and six standard deviations (7) either way
    assert 56 <= int(match[1]) <= 140


def test_a_shell_takes_a_script_and_gives_its_output_and_exit_code(star: Lab) -> None:
    done = lab(star, "shell", "n2", stdin="echo I am $(hostname)\necho no >&2\nexit 5\n")
    assert (done.returncode, done.stdout, done.stderr) == (5, "I am n2\n", "no\n")
    done = lab(star, "shell", "machine", stdin="echo I am $(hostname)")
    assert (done.returncode, done.stdout) == (0, "I am mesh\n")
    assert lab(star, "shell", "n9", stdin="").returncode == 2


def test_a_shell_on_a_terminal_is_interactive(star: Lab) -> None:
    ours, its = pty.openpty()
    argv = [sys.executable, "-m", "tools.lab.cli", "shell", "n3", "--name", star.state.name]
    process = subprocess.Popen(argv, stdin=its, stdout=its, stderr=its)
    os.close(its)
    try:
        seen = b""
        while b"@n3" not in seen:  # the prompt
            seen += os.read(ours, 4096)
        os.write(ours, b"tty; exit 4\r")
        with contextlib.suppress(OSError):  # the terminal is closed at the other end
            while part := os.read(ours, 4096):
                seen += part
        assert process.wait(30) == 4, seen
        assert b"/dev/" in seen
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_options_of_exec_work_on_both_sides_of_the_node(star: Lab) -> None:
    for words in (["--json", "n3"], ["n3", "--json"]):
        done = lab(star, "exec", *words, "--", "hostname")
        assert done.stdout == '{"exit": 0, "stdout": "n3\\n", "stderr": ""}\n'


def test_logs_of_a_node_without_an_agent_say_that_there_are_none(star: Lab) -> None:
    done = lab(star, "logs", "n1")
    assert done.returncode == 1
    assert "agent.log" in done.stderr
    assert "Traceback" not in done.stderr
