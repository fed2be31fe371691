# SPDX-License-Identifier: Apache-2.0
"""The whole agent, as a process, before people who want in: guesses, huge and endless forms, a restart."""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.harm import settle, unharmed
from tests.integration.running import HOST, TREE, Agent, meanwhile, running, until
from tests.integration.test_hostile_clients import connect, pour

log = logging.getLogger("x0.test")

PIN = "482913"
SIGN_IN = "/api/v1/session"
CHECK_KB = 9_000  # what one check of a PIN may take, while it lasts
GUESSES = 1_000
GUESSING_CPU_S = 5.0  # for all of them; the five that are checked take 0.2 s of it


def ask(agent: Agent, path: str, given: dict[str, Any], cookie: str = "") -> tuple[int, dict[str, Any], str]:
    """(status, answer, cookies)."""
    connection = http.client.HTTPConnection(HOST, agent.port, timeout=20)
    try:
        headers = {"Content-Type": "application/json"} | ({"Cookie": cookie} if cookie else {})
        connection.request("POST", path, json.dumps(given), headers)
        answer = connection.getresponse()
        cookies = "; ".join(v.partition(";")[0] for k, v in answer.getheaders() if k.lower() == "set-cookie")
        return answer.status, json.loads(answer.read()), cookies
    finally:
        connection.close()


def set_pin(folder: Path) -> None:
    """As `x0 pin set` does."""
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "pin", "set", "--config", str(folder / "node.yaml")],
        input=f"{PIN}\n", text=True, capture_output=True, cwd=TREE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert PIN not in done.stdout


def restart(agent: Agent) -> None:
    """The same agent again, as systemd does."""
    assert agent.stop() == 0
    with agent.log_file.open("ab") as out:
        agent.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "--config", str(agent.config)],
            cwd=TREE, env=os.environ | {"PYTHONPATH": str(TREE)}, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    until(lambda: answers(agent), "the page after a restart")


def follow(viewer: socket.socket) -> None:
    """Until the first event has come."""
    viewer.settimeout(10)
    seen = b""
    while b"event: status" not in seen:
        part = viewer.recv(65536)
        assert part, seen
        seen += part


def answers(agent: Agent) -> bool:
    try:
        return agent.get("/healthz")[0] == 200
    except OSError:
        return False


@pytest.mark.long
def test_a_thousand_guesses_get_nobody_in_and_the_technician_gets_in_afterwards(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        set_pin(tmp_path)
        before, cpu, began = settle(agent), agent.cpu_s(), time.monotonic()
        most = before
        with ThreadPoolExecutor(8) as pool:
            guesses = [pool.submit(ask, agent, SIGN_IN, {"pin": f"{number:06}"}) for number in range(GUESSES)]
            while not all(guess.done() for guess in guesses):
                most = max(most, agent.pss_kb())
                assert agent.get("/healthz")[0] == 200
        codes = Counter(guess.result()[0] for guess in guesses)
        took, cpu = time.monotonic() - began, agent.cpu_s() - cpu
        log.info(
            "%d guesses: %s, %.1f s, %.2f s of CPU, %d kB at most", GUESSES, codes, took, cpu, most - before
        )
        assert set(codes) <= {403, 429}
        assert codes[403] < 10
        assert cpu < GUESSING_CPU_S
        assert most - before < CHECK_KB + 3_000
        code, answer, _ = ask(agent, SIGN_IN, {"pin": PIN})
        assert (code, answer["error"]["key"]) == (429, "locked")
        assert "wait" in answer["error"]["what"]
        until(lambda: ask(agent, SIGN_IN, {"pin": PIN})[0] == 200, "the technician signed in", 60)
        unharmed(agent, before)
        told = [line["fields"]["what"] for line in agent.lines() if line["event"] == "audit"]
        assert {"wrong-pin", "locked", "sign-in"} <= set(told)


def test_a_restart_under_the_viewer_forgives_no_guess_and_keeps_what_was_done(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        set_pin(tmp_path)
        code, answer, cookies = ask(agent, SIGN_IN, {"pin": PIN})
        assert code == 200
        given = {"token": answer["token"], "confirm": True}
        assert ask(agent, "/api/v1/actions/resume", given, cookies)[0] == 202
        until(lambda: agent.status()["actions"][0]["state"] == "done", "the action done")
        with connect(agent, HOST) as viewer:
            viewer.sendall(b"GET /api/v1/events HTTP/1.1\r\n\r\n")
            follow(viewer)
            for number in range(5):
                ask(agent, SIGN_IN, {"pin": f"00000{number}"})
            restart(agent)
            viewer.settimeout(10)
            while viewer.recv(65536):  # the stream ends, the browser comes back by itself
                pass
        with connect(agent, HOST) as viewer:
            viewer.sendall(b"GET /api/v1/events HTTP/1.1\r\nLast-Event-ID: 99999\r\n\r\n")
            follow(viewer)
        assert agent.status()["actions"][0]["name"] == "resume"
        code, answer, _ = ask(agent, "/api/v1/actions/resume", given, cookies)
        assert (code, answer["error"]["key"]) == (401, "not-signed-in")
        assert "sign in" in answer["error"]["what"]
        assert ask(agent, SIGN_IN, {"pin": PIN})[1]["error"]["key"] == "locked"
        # the phone that was signed in before is known: strangers' guesses do not keep it out
        assert ask(agent, SIGN_IN, {"pin": PIN}, cookies)[0] == 200


@pytest.mark.parametrize("path", [SIGN_IN, "/api/v1/session/end", "/api/v1/actions/reboot"])
def test_a_form_of_a_hundred_megabytes_costs_nothing(tmp_path: Path, path: str) -> None:
    with running(tmp_path) as agent:
        before = settle(agent)
        cpu = agent.cpu_s()

        def attack() -> None:
            for _ in range(3):
                with connect(agent, HOST) as sock:
                    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
                    sock.sendall(f"{head}Content-Length: 100000000\r\n\r\n".encode())
                    answer = pour(sock, b"x" * 65536, 100_000_000)
                    # the refusal may be lost to the reset that unread bytes cause; another answer may not
                    assert not answer or b" 413 " in answer.split(b"\r\n")[0], answer[:200]

        meanwhile(attack, agent)
        assert agent.cpu_s() - cpu < 2.0
        unharmed(agent, before)


def test_forms_that_never_end_keep_nobody_out(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        before = settle(agent)
        slow: list[socket.socket] = []
        try:
            for number in range(100):
                sock = connect(agent, f"127.0.1.{number % 12 + 1}")
                slow.append(sock)
                head = f"POST {SIGN_IN} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
                sock.sendall(f"{head}Content-Length: 4000\r\n\r\n{{".encode())
            for _ in range(10):
                assert agent.get("/healthz")[0] == 200
            assert agent.get("/")[0] == 200
        finally:
            for sock in slow:
                sock.close()
        unharmed(agent, before)
