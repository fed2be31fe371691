# SPDX-License-Identifier: Apache-2.0
"""A whole agent asks its policy, takes another over while it runs, and cuts what is no longer allowed."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.base import OK, PROBLEM
from agent.cli.main import main
from tests.integration.running import HOST, Agent, running

POLICY = """policy:
  rules:
    - {name: no-metrics, effect: deny, subjects: [reader], actions: [page.read], resources: [/metrics]}
    - {name: no-stream, effect: deny, subjects: [reader], actions: [page.read], resources: [/api/v1/events]}
    - {name: no-pause, effect: deny, subjects: [root, own], actions: [control.call], resources: [pause]}
"""
PAUSE = b'{"command":"pause","args":{"seconds":60}}\n'


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running(tmp_path) as found:
        yield found


def test_without_a_policy_all_is_as_it_was_and_with_one_it_holds_at_once(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("X0_SOCKET", str(agent.folder / "agent.sock"))
    assert agent.get("/metrics")[0] == 200
    assert agent.ask(PAUSE)["ok"] is True
    with socket.create_connection((HOST, agent.port), 10) as stream:
        stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {HOST}:{agent.port}\r\n\r\n".encode())
        told = stream.makefile("rb")
        while b"event: status" not in told.readline():
            pass
        assert main(["policy", "why", "reader", "page.read", "/metrics"]) == OK

        with agent.config.open("a") as config:
            config.write(POLICY)
        agent.process.send_signal(signal.SIGHUP)
        assert "no-stream" in agent.event("authz-cut")["message"]
        told.read()  # to its end, or the timeout fails the test

    status, body = agent.get("/metrics")
    assert (status, b"x0 policy why reader page.read /metrics" in body) == (403, True)
    assert agent.get("/healthz")[0] == 200
    assert "no-pause denies it" in agent.ask(PAUSE)["error"]["what"]
    assert agent.ask(b'{"command":"resume"}\n')["ok"] is True
    capsys.readouterr()
    assert main(["policy", "why", "reader", "page.read", "/metrics"]) == PROBLEM
    assert "no-metrics denies it" in capsys.readouterr().out
    assert main(["policy", "show"]) == OK
    out = capsys.readouterr().out
    assert "cut since the start: 1" in out
    assert "reader may not page.read /metrics" in " ".join(out.split())


def test_a_mistake_in_a_new_policy_leaves_the_old_one_in_force(agent: Agent) -> None:
    with agent.config.open("a") as config:
        config.write(POLICY.replace("reader", "reder"))
    agent.process.send_signal(signal.SIGHUP)
    agent.event("reload-refused")
    assert "did you mean reader" in agent.status()["errors"]["configuration"]
    assert agent.get("/metrics")[0] == 200
