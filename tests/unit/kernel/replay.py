# SPDX-License-Identifier: Apache-2.0
"""A kernel that says what it is told to: recorded or composed answers behind a NetlinkSocket."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.kernel import netlink as nl
from agent.kernel.nlsocket import NetlinkSocket

DATA = Path(__file__).parent / "data"
Answer = bytes | OSError


def recorded(name: str) -> list[Answer]:
    """The messages of a recording, in order."""
    raw, found, at = (DATA / f"{name}.bin").read_bytes(), [], 0
    while at < len(raw):
        (size,) = struct.unpack_from("=I", raw, at)
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return list(found)


def answer(kind: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """One message; its sequence number is filled in when it is said."""
    raw = nl.message(kind, flags, 0, payload)
    return raw + bytes(-len(raw) & 3)


def done(code: int = 0, flags: int = 0) -> bytes:
    """The end of a dump, as NLMSG_DONE says it (`code`: a positive errno or 0)."""
    return answer(nl.NLMSG_DONE, struct.pack("=i", -code), flags)


def error(code: int, said: str = "") -> bytes:
    """An errno, or with 0 an acknowledgement; `said`: the kernel's words."""
    flags = nl.NLM_F_CAPPED | (nl.NLM_F_ACK_TLVS if said else 0)
    words = nl.text(nl.NLMSGERR_ATTR_MSG, said) if said else b""
    return answer(nl.NLMSG_ERROR, struct.pack("=i", -code) + bytes(16) + words, flags)


class Kernel:
    """Stands where the socket would be. Each receive takes the next answer; none left is a timeout."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[bytes] = []
        self.opened = 0
        self.stale = 0  # answers that carry another question's sequence number first
        self._sequence = 0

    def will_say(self, *answers: Answer | list[Answer]) -> None:
        """Queue answers, recordings and failures."""
        for item in answers:
            self.answers.extend(item if isinstance(item, list) else [item])

    def send(self, request: bytes) -> int:
        """Take a question."""
        self.asked.append(request)
        (self._sequence,) = struct.unpack_from("=I", request, 8)
        return len(request)

    def recv_into(self, buffer: bytearray, size: int, _flags: int) -> int:
        """Say the next answer, in the question's sequence; like MSG_TRUNC the size it would have had."""
        if not self.answers:
            raise TimeoutError
        item = self.answers.pop(0)
        if isinstance(item, OSError):
            raise item
        raw, at = bytearray(item), 0
        sequence = self._sequence
        if self.stale:
            self.stale -= 1
            sequence -= 1
        while at + 16 <= len(raw):
            (length,) = struct.unpack_from("=I", raw, at)
            struct.pack_into("=I", raw, at + 8, sequence & 0xFFFFFFFF)
            at += max(16, (length + 3) & ~3)
        buffer[: min(len(raw), size)] = raw[:size]
        return len(raw)

    def close(self) -> None:
        """What was not read is gone."""


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Every NetlinkSocket opened in this test asks this one."""
    fake = Kernel()

    def opened(_self: NetlinkSocket, _what: str) -> Kernel:
        fake.opened += 1
        return fake

    monkeypatch.setattr(NetlinkSocket, "_open", opened)
    return fake
