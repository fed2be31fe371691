# SPDX-License-Identifier: Apache-2.0
"""One question to one target beyond the uplink: a ping, or a name to resolve. Begun, then looked at."""

from __future__ import annotations

import errno
import ipaddress
import os
import secrets
import socket
from typing import Literal

from agent.kernel.ping import Ping
from agent.services import dns

TIMEOUT = 2.0  # s: two round trips by satellite and a resolver that has to ask around
DNS_PORT = 53
MAX_STRANGERS = 16  # answers to other questions looked at in one go
Kind = Literal["icmp", "dns"]


class Question:
    """`done` with `ok` and `detail` in words once decided. Never blocks, never raises."""

    def __init__(self, kind: Kind, target: str, device: str, name: str, now: float) -> None:
        """`device`: the uplink, "" where none is known; a server on this node itself is asked without it."""
        self.asked_at = now
        self.done = self.ok = False
        self.detail = ""
        self._name, self._ident = name, secrets.randbits(16)
        self._ping: Ping | None = None
        self._socket: socket.socket | None = None
        try:
            if kind == "icmp":
                self._ping = Ping(target, device)
            else:
                self._socket = self._ask(target, device)
        except (OSError, ValueError) as error:
            self._decide(False, _words(error))

    def fileno(self) -> int:
        """For poll; only while not done."""
        held = self._ping or self._socket
        assert held is not None
        return held.fileno()

    def advance(self, now: float) -> None:
        """Look whether something has come; decided after TIMEOUT at the latest."""
        if self.done:
            return
        try:
            if self._ping is not None:
                if self._ping.answered():
                    self._decide(True, "answers")
            else:
                self._listen()
        except OSError as error:
            self._decide(False, _words(error))
        if not self.done and now - self.asked_at >= TIMEOUT:
            self._decide(False, "no answer in time")

    def close(self) -> None:
        """Give it up."""
        self.done = True
        for held in (self._ping, self._socket):
            if held is not None:
                held.close()
        self._ping = self._socket = None

    def _ask(self, target: str, device: str) -> socket.socket:
        address = ipaddress.ip_address(target)
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            if device and not address.is_loopback:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
            sock.connect((target, DNS_PORT))  # from nobody else is anything heard
            sock.send(dns.question(self._name, self._ident))
        except OSError:
            sock.close()
            raise
        return sock

    def _listen(self) -> None:
        for _ in range(MAX_STRANGERS):
            if self._socket is None:
                return
            try:
                packet = self._socket.recv(dns.MAX_ANSWER)
            except BlockingIOError:
                return
            found = dns.verdict(packet, self._name, self._ident)
            if found is not None:
                self._decide(*found)

    def _decide(self, ok: bool, detail: str) -> None:
        self.ok, self.detail = ok, detail
        self.close()


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENODEV:
        return "the uplink's interface does not exist"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
