# SPDX-License-Identifier: Apache-2.0
"""Asks a service whether it answers, without waiting: a probe is begun, then looked at until decided."""

from __future__ import annotations

import errno
import os
import select
import socket
from urllib.parse import urlsplit

from agent.config import host_port

TIMEOUT = 1.0  # s after which a probe counts as unanswered
MAX_ANSWER = 64  # bytes of an answer that are read; a status line's beginning
# MQTT 3.1.1 CONNECT: clean session, keep-alive 10 s, no client id
MQTT_CONNECT = bytes.fromhex("100c00044d5154540402000a0000")
MQTT_CONNACK = b"\x20\x02"
MQTT_DISCONNECT = b"\xe0\x00"


class Probe:
    """One question to one service. `done` with `ok` and `detail` in words once decided."""

    def __init__(self, kind: str, target: str, now: float, timeout: float = TIMEOUT) -> None:
        self._kind, self._deadline = kind, now + timeout
        self._socket: socket.socket | None = None
        self._received = b""
        self._asked = False
        self.done = self.ok = False
        self.detail = ""
        try:
            self._question = self._open(target)
        except (OSError, ValueError) as error:
            self._decide(False, f"{kind} {target}: {getattr(error, 'strerror', None) or error}")

    def fileno(self) -> int:
        """For poll; only while not done."""
        assert self._socket is not None
        return self._socket.fileno()

    @property
    def events(self) -> int:
        """What to poll for."""
        return select.POLLIN if self._asked else select.POLLOUT

    def _open(self, target: str) -> bytes:
        address: tuple[str, int] | str
        if self._kind == "unix":
            family, address, question = socket.AF_UNIX, target, b""
        else:
            question = b""
            if self._kind == "http":
                url = urlsplit(target)
                host, port = url.hostname or "", url.port or 80
                path = (url.path or "/") + (f"?{url.query}" if url.query else "")
                question = f"GET {path} HTTP/1.0\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode()
            else:
                host, port = host_port(target)
                question = MQTT_CONNECT if self._kind == "mqtt" else b""
            host = "127.0.0.1" if host == "localhost" else host
            found = socket.getaddrinfo(  # a name would ask a server, which may take seconds
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
            family, address = found[0], found[4]  # type: ignore[assignment]
        self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        code = self._socket.connect_ex(address)
        if code not in {0, errno.EINPROGRESS}:
            raise OSError(code, os.strerror(code))
        return question

    def advance(self, now: float) -> None:
        """Look whether something has come; decides at the deadline at the latest."""
        if self.done:
            return
        try:
            self._step()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._decide(False, f"{self._kind}: {error.strerror or error}")
        if not self.done and now >= self._deadline:
            self._decide(False, f"{self._kind}: {'no answer' if self._asked else 'no connection'} in time")

    def _step(self) -> None:
        sock = self._socket
        assert sock is not None
        if not self._asked:
            poll = select.poll()
            poll.register(sock, select.POLLOUT)
            if not poll.poll(0):
                return
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code))
            if not self._question:
                self._decide(True, "accepts connections")
                return
            sock.send(self._question)
            self._asked = True
        data = sock.recv(MAX_ANSWER)
        self._received = (self._received + data)[:MAX_ANSWER]
        if self._kind == "mqtt" and len(self._received) >= 4:
            ok = self._received.startswith(MQTT_CONNACK)
            if ok:
                sock.send(MQTT_DISCONNECT)
            self._decide(ok, f"CONNACK {self._received[3]}" if ok else "answers, but not in MQTT")
        elif self._kind == "http" and len(self._received) >= 12:
            status = self._received[9:12].decode("latin-1")
            ok = self._received.startswith(b"HTTP/1.") and status.isdigit() and int(status) < 500
            self._decide(ok, f"HTTP status {status!r}")
        elif not data:
            self._decide(False, f"{self._kind}: closed the connection without an answer")

    def _decide(self, ok: bool, detail: str) -> None:
        self.done, self.ok, self.detail = True, ok, detail
        self.close()

    def close(self) -> None:
        """Give it up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.done = True
