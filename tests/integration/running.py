# SPDX-License-Identifier: Apache-2.0
"""An agent as a process of its own with a configuration of the test's, and what it costs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

HOST = "127.0.0.1"
TREE = Path(__file__).parents[2]
ANSWER_S = 40.0  # importing is slow on a loaded machine
BASE = """\
node: {{name: t1, state_dir: {folder}/state, control_socket: {folder}/agent.sock}}
mode: {mode}
mesh: {mesh}
web: {{listen: "127.0.0.1:{port}"}}
log: {{level: info, format: json}}
"""
NO_MESH = "{enabled: false}"
T = TypeVar("T")


class WebClient:
    """Asks the status page of an agent on this machine."""

    port: int

    def get(self, path: str, timeout: float = 10.0) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        code, body = self.get("/api/v1/status")
        assert code == 200
        found: dict[str, Any] = json.loads(body)
        return found


class Agent(WebClient):
    """`python -m agent`; `prefix` runs it elsewhere (`ip netns exec NAME`)."""

    def __init__(
        self,
        folder: Path,
        mode: str = "observe",
        mesh: str = NO_MESH,
        more: str = "",
        prefix: Sequence[str] = (),
    ) -> None:
        self.folder, self.config, self.log_file = folder, folder / "node.yaml", folder / "log"
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.config.write_text(BASE.format(folder=folder, port=self.port, mode=mode, mesh=mesh) + more)
        with self.log_file.open("wb") as out:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "agent", "--config", str(self.config)],
                cwd=TREE, env=os.environ | {"PYTHONPATH": str(TREE)}, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def lines(self) -> list[dict[str, Any]]:
        """The log; a line that is no JSON (a traceback) fails the test."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def said(self, test: Callable[[dict[str, Any]], bool], within: float = ANSWER_S) -> dict[str, Any]:
        """The first line of the log that passes, waited for."""
        return until(lambda: next(filter(test, self.lines()), None), "a line of the log", within)

    def event(self, name: str, within: float = ANSWER_S) -> dict[str, Any]:
        return self.said(lambda line: line["event"] == name, within)

    def message(self, part: str, within: float = ANSWER_S) -> dict[str, Any]:
        return self.said(lambda line: part in line["message"], within)

    def ask(self, request: bytes) -> dict[str, Any]:
        """One line to the control socket."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(self.folder / "agent.sock"))
            sock.sendall(request)
            answer: dict[str, Any] = json.loads(sock.makefile().readline())
        return answer

    def pss_kb(self) -> int:
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def acted(self) -> list[dict[str, Any]]:
        """What the log says was done, in any way."""
        return [line for line in self.lines() if line["event"] in ("action", "outcome", "hasten")]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(folder: Path, **given: Any) -> Iterator[Agent]:
    """An agent that is ready; stopped at the end, which must be clean."""
    agent = Agent(folder, **given)
    try:
        agent.event("ready")
        agent.message("status page on")
        yield agent
        assert agent.stop() == 0
        agent.lines()  # all of it JSON: no traceback
    finally:
        if agent.process.poll() is None:
            agent.process.kill()
            agent.process.wait()


def until(found: Callable[[], T | None], what: str, within: float = ANSWER_S) -> T:
    """What `found` returns as soon as it is something."""
    deadline = time.monotonic() + within
    while True:
        got = found()
        if got:
            return got
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
        time.sleep(0.1)


def meanwhile(work: Callable[[], None], agent: Agent) -> None:
    """Runs `work` in a thread; the agent must answer /healthz all the while."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while True:
        assert agent.get("/healthz")[0] in (200, 503)
        if not thread.is_alive():
            return
        thread.join(0.2)
