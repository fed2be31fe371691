# SPDX-License-Identifier: Apache-2.0
"""A probe: whether a service answers, in its own language and in time."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from agent.services.probe import MQTT_CONNECT, Probe
from tests.integration.services.stand import free_port, until


class Listener:
    """A TCP server that answers each connection with fixed bytes, or not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked = b""
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
            with connection:
                self.asked = connection.recv(1000)
                if self._answer is not None:
                    connection.sendall(self._answer)
                connection.recv(1000)
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()
        self._thread.join(2)


def decided(kind: str, target: str, timeout: float = 1.0) -> Probe:
    probe = Probe(kind, target, time.monotonic(), timeout)

    def looked() -> bool:
        probe.advance(time.monotonic())
        return probe.done

    until(looked)
    return probe


@pytest.mark.parametrize(
    ("kind", "answer", "ok"),
    [
        ("mqtt", b"\x20\x02\x00\x00", True),
        ("mqtt", b"\x20\x02\x00\x05", True),  # not authorised, but it answers
        ("mqtt", b"HTTP/1.1 400 Bad Request", False),
        ("mqtt", b"", False),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n", True),
        ("http", b"HTTP/1.1 404 Not Found\r\n\r\n", True),
        ("http", b"HTTP/1.1 503 Busy\r\n\r\n", False),
        ("http", b"SSH-2.0-OpenSSH_9.2", False),
        ("tcp", None, True),
    ],
)
def test_an_answer_counts_only_in_the_service_s_own_language(
    kind: str, answer: bytes | None, ok: bool
) -> None:
    server = Listener(answer)
    target = f"http://{server.address}/health" if kind == "http" else server.address
    probe = decided(kind, target)
    server.close()
    assert probe.ok is ok, probe.detail


def test_silence_is_no_answer_after_the_timeout() -> None:
    server = Listener(None)
    began = time.monotonic()
    probe = decided("mqtt", server.address, timeout=0.2)
    assert not probe.ok
    assert "no answer" in probe.detail
    assert time.monotonic() - began < 0.5
    assert server.asked == MQTT_CONNECT
    assert len(MQTT_CONNECT) == 14
    server.close()


def test_nobody_listening_is_known_at_once(tmp_path: Path) -> None:
    for kind, target in (("tcp", f"127.0.0.1:{free_port()}"), ("unix", str(tmp_path / "none.sock"))):
        assert not decided(kind, target).ok


def test_a_unix_socket_that_listens_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(1)
        assert decided("unix", str(tmp_path / "s")).ok


def test_a_name_that_would_need_a_name_server_is_refused() -> None:
    probe = Probe("tcp", "example.org:80", 0.0)
    assert probe.done
    assert not probe.ok
