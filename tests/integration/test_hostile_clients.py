# SPDX-License-Identifier: Apache-2.0
"""The whole agent, as a process, before hostile clients of its page and its control socket.

It answers others, keeps its memory and does nothing in observe mode.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.integration.harm import GROWTH_KB, settle, unharmed
from tests.integration.running import HOST, Agent, meanwhile, running, until


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One agent for all the clients below: what one leaves behind meets the next."""
    with running(tmp_path_factory.mktemp("attacked")) as agent:
        yield agent


def connect(agent: Agent, source: str) -> socket.socket:
    return socket.create_connection((HOST, agent.port), 10, source_address=(source, 0))


def pour(sock: socket.socket, data: bytes, total: int) -> bytes:
    """Sends until all is sent or the agent hangs up; what it answered."""
    with contextlib.suppress(OSError):
        for _ in range(0, total, len(data)):
            sock.sendall(data)
    answer = b""
    with contextlib.suppress(OSError):
        while part := sock.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(
    ("head", "total", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-Long: ", 10_000_000, b" 431 "),
        (b"POST /x HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", 100_000_000, b" 405 "),
        (b"GET / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", 100_000_000, b" 413 "),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 10_000_000, b" 413 "),
        (b"\0" * 100, 10_000_000, b" 431 "),
        (b"GET /" + b"%00" * 2000 + b" HTTP/1.1\r\n\r\n", 0, b" 404 "),
    ],
    ids=["head", "post", "body", "chunked", "nul", "escapes"],
)
def test_http_requests_without_measure_cost_nothing(
    attacked: Agent, head: bytes, total: int, status: bytes
) -> None:
    agent, before = attacked, settle(attacked)

    def attack() -> None:
        for _ in range(3):
            with connect(agent, HOST) as sock:
                sock.sendall(head)
                answer = pour(sock, b"x" * 65536, total)
                # a refusal may be lost to the reset that unread bytes cause; another answer may not
                assert not answer or status in answer.split(b"\r\n")[0], answer[:200]

    meanwhile(attack, agent)
    unharmed(agent, before)


def test_fifty_dripping_clients_of_one_address_keep_nobody_out(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    slow: list[socket.socket] = []
    try:
        for number in range(50):
            sock = connect(agent, HOST)
            slow.append(sock)
            with contextlib.suppress(OSError):
                sock.sendall(b"GET / HTTP/1.1\r\n")
            if number % 10 == 9:
                assert agent.get("/healthz")[0] == 200
        for _ in range(10):
            for sock in slow:
                with contextlib.suppress(OSError):
                    sock.sendall(b"X")
            assert agent.get("/healthz")[0] == 200
        assert agent.pss_kb() - before < GROWTH_KB
    finally:
        for sock in slow:
            sock.close()
    unharmed(agent, before)


def test_dripping_clients_of_many_addresses_keep_nobody_out(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    slow: list[socket.socket] = []
    try:
        for number in range(120):
            sock = connect(agent, f"127.0.1.{number % 12 + 1}")
            slow.append(sock)
            with contextlib.suppress(OSError):
                sock.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(10):
            assert agent.get("/healthz")[0] == 200
    finally:
        for sock in slow:
            sock.close()
    unharmed(agent, before)


def test_forty_streams_that_never_read_leave_room_and_memory(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    streams = [connect(agent, f"127.0.2.{number % 4 + 1}") for number in range(40)]
    try:
        for sock in streams:
            with contextlib.suppress(OSError):
                sock.sendall(b"GET /api/v1/events HTTP/1.1\r\n\r\n")
        end = time.monotonic() + 6.0  # three events to each
        while time.monotonic() < end:
            assert agent.get("/healthz")[0] == 200
            assert agent.get("/")[0] == 200
            time.sleep(0.2)
        assert b"x0_streams 16" in agent.get("/metrics")[1] or agent.pss_kb() - before < GROWTH_KB
        assert agent.pss_kb() - before < GROWTH_KB
    finally:
        for sock in streams:
            sock.close()
    unharmed(agent, before)


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"\n",
        b"\0\xff\n",
        b"[" * 60_000 + b"\n",
        b'{"command": 7}\n',
        b'{"command": "' + b"x" * 5000 + b'"}\n',
        b'{"command": "pause", "args": {"seconds": "x"}}\n',
        b'{"command": "pause", "args": {"seconds": 1e308}}\n',
        b'{"command": "pause", "args": {"seconds": -1}}\n',
        b'{"command": "pause", "args": {"seconds": null}}\n',
        b'{"command": "status", "args": {"a": [' + b"1," * 20_000 + b"1]}}\n",
    ],
    ids=["nothing", "newline", "noise", "deep", "type", "unknown", "word", "huge", "past", "null", "many"],
)
def test_nonsense_on_the_control_socket_is_answered_in_words(attacked: Agent, request_: bytes) -> None:
    agent, before = attacked, settle(attacked)
    if request_:
        answer = agent.ask(request_)
        if b"status" not in request_:
            assert not answer["ok"]
            assert answer["error"]["what"]
            assert answer["error"]["mend"]
            assert "inside the agent" not in answer["error"]["what"]
    else:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(agent.folder / "agent.sock"))
    assert agent.ask(b'{"command": "status"}\n')["ok"]
    assert agent.status()["state"] == "healthy"
    unharmed(agent, before)


def test_flood_on_the_control_socket_costs_nothing_and_leaves_room_for_x0(attacked: Agent) -> None:
    agent, before = attacked, settle(attacked)
    path = str(agent.folder / "agent.sock")

    def attack() -> None:
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect(path)
                pour(sock, b"y" * 65536, 10_000_000)

    meanwhile(attack, agent)
    idle = []
    try:
        for _ in range(40):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(10)
            sock.connect(path)
            idle.append(sock)
        answer = agent.ask(b'{"command": "status"}\n')
        assert answer["ok"] or "connected already" in answer["error"]["what"]
    finally:
        for sock in idle:
            sock.close()
    until(lambda: agent.ask(b'{"command": "status"}\n')["ok"], "room again")
    unharmed(agent, before)
