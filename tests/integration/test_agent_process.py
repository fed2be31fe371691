# SPDX-License-Identifier: Apache-2.0
"""The whole agent as a process in observe mode on loopback: no root, no batman-adv, no systemd."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs import program
from tests.integration.running import HOST, TREE, WebClient

START_MAX = 30.0  # s; importing is slow under a loaded machine's coverage
CONFIG = """\
node: {{name: t1, state_dir: {state}, control_socket: {folder}/agent.sock}}
mode: observe
mesh: {{enabled: false}}
web: {{listen: "127.0.0.1:{port}"}}
log: {{level: info, format: json}}
"""


class Agent(WebClient):
    """A running agent, its log as it comes, and its service manager's socket."""

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.folder, self.state = folder, state or folder / "state"
        self.config = folder / "node.yaml"
        self.write()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(START_MAX)
        environ = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"}
        environ.pop("WATCHDOG_PID", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "--config", str(self.config)],
            cwd=TREE, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.log: list[dict[str, Any]] = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def write(self, **changes: str) -> None:
        text = CONFIG.format(folder=self.folder, state=self.state, port=self.port)
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.news:
                self.log.append(json.loads(line))
                self.news.notify_all()

    def said(self, test: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first line of the log that passes, waited for."""
        with self.news:
            found = self.news.wait_for(lambda: next(filter(test, self.log), None), START_MAX)
        assert found, self.log
        return found

    def event(self, name: str) -> dict[str, Any]:
        return self.said(lambda line: line["event"] == name)

    def told(self, wanted: str) -> list[str]:
        """The first datagram to the service manager that holds this line, waited for."""
        deadline = time.monotonic() + START_MAX
        while time.monotonic() < deadline:
            lines = self.manager.recv(4096).decode().split("\n")
            if wanted in lines:
                return lines
        raise AssertionError(f"the service manager was never told {wanted}")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.reader.join(10)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        self.manager.close()
        return code


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path)
    try:
        agent.told("READY=1")
        agent.said(lambda line: "status page" in line["message"])
        yield agent
    finally:
        if not agent.manager.fileno() < 0:
            agent.stop()


def test_agent_serves_health_status_page_and_events(agent: Agent) -> None:
    code, body = agent.get("/healthz")
    assert (code, json.loads(body)) == (200, {"state": "healthy"})
    status = agent.status()
    assert (status["node"], status["mode"], status["state"]) == ("t1", "observe", "healthy")
    assert status["mesh"] is None
    assert status["errors"] == {}
    code, page = agent.get("/")
    assert code == 200
    assert b"Node t1" in page
    assert status["verdict"]["doing"].encode() in page
    with socket.create_connection((HOST, agent.port), 10) as stream:
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\n\r\n")
        received = b""
        while b"event: status\ndata: " not in received or not received.endswith(b"\n\n"):
            received += stream.recv(65536)
    event = received.split(b"event: status\ndata: ")[1].split(b"\n")[0]
    assert json.loads(event)["node"] == "t1"


def test_metrics_pass_promtool(agent: Agent) -> None:
    code, text = agent.get("/metrics")
    assert code == 200
    assert b'x0_state{state="healthy"} 1' in text
    argv = [program("promtool"), "check", "metrics"]
    checked = subprocess.run(argv, input=text, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout + checked.stderr == b""


def test_good_change_is_taken_over_by_hup_and_a_bad_one_is_refused_whole(agent: Agent) -> None:
    agent.write(**{"level: info": "level: debug", "enabled: false": "enabled: false, hop_penalty: 15"})
    agent.process.send_signal(signal.SIGHUP)
    done = agent.event("configuration")
    assert done["fields"] == {"changed": "mesh, log", "needs_restart": "mesh"}
    agent.write(**{"level: info": "level: loud", "mode: observe": "mode: heal"})
    agent.process.send_signal(signal.SIGHUP)
    agent.event("reload-refused")
    agent.said(lambda line: line["event"] == "config-problem" and line["fields"]["key"] == "log.level")
    status = agent.status()
    assert status["mode"] == "observe"
    assert "node.yaml has 2 mistakes, the old one holds" in status["errors"]["configuration"]
    agent.write(**{"level: info": "level: debug"})
    agent.process.send_signal(signal.SIGHUP)
    agent.said(lambda line: line["message"] == "The configuration is as before.")
    assert agent.status()["errors"] == {}


def test_pause_and_resume_over_the_control_socket(agent: Agent) -> None:
    def ask(command: str, **args: object) -> Any:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(agent.folder / "agent.sock"))
            sock.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
            answer = json.loads(sock.makefile().readline())
        assert answer["ok"], answer
        return answer["result"]

    assert ask("status")["node"] == "t1"
    until = ask("pause", seconds=60)["paused_until"]
    assert abs(until - time.time() - 60) < 5
    assert agent.status()["state"] == "paused"
    assert ask("resume") == {"was_paused": True}
    assert agent.status()["state"] == "healthy"


def test_watchdog_is_fed_and_the_stop_is_clean(agent: Agent) -> None:
    assert any(line.startswith("STATUS=healthy: ") for line in agent.told("WATCHDOG=1"))
    assert agent.stop() == 0
    assert agent.errors == ""
    assert agent.log[-1]["event"] == "stopped"
    assert not (agent.folder / "agent.sock").exists()


def test_second_agent_on_the_same_state_says_why_it_repairs_nothing(agent: Agent, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = Agent(other, agent.state)
    try:
        second.told("READY=1")
        second.event("journal-trouble")
        second.said(lambda line: "status page" in line["message"])
        assert "journal" in second.status()["errors"]
    finally:
        assert second.stop() == 0
    assert agent.status()["errors"] == {}


@pytest.mark.parametrize("words", [[], ["--config"], ["--config", "/nonexistent/x0.yaml"], ["--what", "x"]])
def test_wrong_usage_exits_with_2_and_a_sentence(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
