# SPDX-License-Identifier: Apache-2.0
"""One netlink socket for questions and answers, bounded in time, size and number, safe between threads.

Opened when first used, so it belongs to the network namespace of the process at that time. After a failure
it is closed and opened anew: an unread dump would make the kernel answer EBUSY for ever.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from agent.kernel import netlink as nl
from agent.kernel.errors import KernelError, NetlinkFormatError, TimedOutError, UnsteadyError, from_errno

TIMEOUT: Final = 2.0  # s for one answer: a busy emulated core needs 0.1
DEADLINE: Final = 6.0  # s for a whole dump: 3 receive timeouts, below the agent's watchdog
BUFFER: Final = (
    32768  # the kernel cuts a dump's parts at 32 KiB whatever larger buffer is offered (af_netlink.c)
)
MAX_ROWS: Final = 65536  # 1,000 nodes over 8 ways are 8,000; more is not a mesh but a fault
ATTEMPTS: Final = 4  # how often a table that changed while it was read is read again
MAX_STALE: Final = 64  # answers to earlier questions that are skipped before giving up

SOL_NETLINK: Final = 270
NETLINK_CAP_ACK: Final = 10  # an error does not repeat our request
NETLINK_EXT_ACK: Final = 11  # an error says in words what was wrong
NETLINK_GET_STRICT_CHK: Final = 12  # rtnetlink filters dumps by what the request says

T = TypeVar("T")
Row = Callable[[bytearray, int, int], "T | None"]
_DUMP: Final = nl.NLM_F_REQUEST | nl.NLM_F_DUMP


class _ChangedError(Exception):
    """NLM_F_DUMP_INTR or ENOBUFS: ask again."""


class NetlinkSocket:
    """Questions to the kernel over one netlink protocol (NETLINK_ROUTE, NETLINK_GENERIC)."""

    def __init__(
        self, protocol: int, timeout: float = TIMEOUT, *, clock: Callable[[], float] = time.monotonic
    ):
        self._socket: socket.socket | None = None
        self._protocol = protocol
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._sequence = 0
        self._buffer = bytearray(BUFFER)

    def request(
        self, kind: int, payload: bytes, flags: int = 0, what: str = "netlink request"
    ) -> bytes | None:
        """Ask one thing and wait for its acknowledgement.

        The answer's payload, or None where the kernel only acknowledges. `what` stands in the error's text.
        """
        with self._lock:
            try:
                sequence = self._send(kind, nl.NLM_F_REQUEST | nl.NLM_F_ACK | flags, payload, what)
                return self._answer(sequence, what)
            except _ChangedError:
                self._close()
                raise UnsteadyError(
                    f"{what}: the answer was lost", "it is asked again at the next reading"
                ) from None
            except KernelError as error:
                if not error.errno:  # an errno is a complete answer: the socket is still in step
                    self._close()
                raise

    def dump(self, kind: int, payload: bytes, row: Row[T], what: str = "netlink dump") -> list[T]:
        """Read a table. `row(buffer, start, end)` decodes one row in place; those it gives None are left out.

        UnsteadyError: the table changed during ATTEMPTS readings. NetlinkFormatError: nonsense, or too long.
        """
        with self._lock:
            try:
                for _ in range(ATTEMPTS):
                    try:
                        return self._rows(self._send(kind, _DUMP, payload, what), row, what)
                    except _ChangedError:
                        self._close()
            except KernelError as error:
                if not error.errno:
                    self._close()
                raise
        raise UnsteadyError(
            f"{what}: the table changed while it was read, {ATTEMPTS} times", "it is read again later"
        )

    def close(self) -> None:
        """Close the socket; the next question opens it again."""
        with self._lock:
            self._close()

    def __del__(self) -> None:
        self._close()  # ends with its owner; the kernel keeps nothing of it

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self, what: str) -> socket.socket:
        try:
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, self._protocol)
        except OSError as error:
            raise from_errno(error.errno or 0, f"{what}: opening a netlink socket") from None
        try:
            for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
                with contextlib.suppress(OSError):  # kernels before 4.20 lack some; nothing depends on them
                    sock.setsockopt(SOL_NETLINK, option, 1)
            sock.bind((0, 0))
            sock.connect((0, 0))  # the kernel only: other processes' messages are refused
            sock.settimeout(self._timeout)
        except OSError as error:
            sock.close()
            raise from_errno(error.errno or 0, f"{what}: opening a netlink socket") from None
        return sock

    def _send(self, kind: int, flags: int, payload: bytes, what: str) -> int:
        if self._socket is None:
            self._socket = self._open(what)
        self._sequence = sequence = (self._sequence + 1) & 0xFFFFFFFF
        try:
            self._socket.send(nl.message(kind, flags, sequence, payload))
        except TimeoutError:
            raise TimedOutError(f"{what}: the kernel takes no request", "it is tried again") from None
        except OSError as error:
            self._close()
            raise from_errno(error.errno or 0, what) from None
        return sequence

    def _receive(self, what: str) -> int:
        assert self._socket is not None
        try:
            size = self._socket.recv_into(self._buffer, BUFFER, socket.MSG_TRUNC)
        except TimeoutError:
            text = f"{what}: no answer from the kernel in {self._timeout:g} s"
            raise TimedOutError(text, "the machine may be overloaded; it is tried again") from None
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise _ChangedError from None
            self._close()
            raise from_errno(error.errno or 0, what) from None
        if size > BUFFER:
            raise NetlinkFormatError(f"{what}: an answer of {size} bytes", f"at most {BUFFER} are read")
        return size

    def _answer(self, sequence: int, what: str) -> bytes | None:
        """One answer and its acknowledgement."""
        answer: bytes | None = None
        buffer = self._buffer
        for _ in range(MAX_STALE):
            for kind, flags, number, start, end in nl.messages(buffer, self._receive(what)):
                if number != sequence or kind == nl.NLMSG_NOOP:
                    continue
                if kind in {nl.NLMSG_ERROR, nl.NLMSG_DONE}:
                    _check(buffer, flags, start, end, what, kind == nl.NLMSG_ERROR)
                    return answer
                answer = bytes(buffer[start:end])
        raise _lost(what)

    def _rows(self, sequence: int, row: Row[T], what: str) -> list[T]:
        rows: list[T] = []
        buffer = self._buffer
        deadline = self._clock() + DEADLINE
        left = MAX_ROWS
        interrupted = False
        stale = 0
        while True:
            fresh = False
            for kind, flags, number, start, end in nl.messages(buffer, self._receive(what)):
                if number != sequence:
                    continue
                fresh = True
                if flags & nl.NLM_F_DUMP_INTR:
                    interrupted = True
                if kind > nl.NLMSG_DONE:
                    left -= 1
                    value = row(buffer, start, end)
                    if value is not None:
                        rows.append(value)
                elif kind != nl.NLMSG_NOOP:
                    _check(buffer, flags, start, end, what, kind == nl.NLMSG_ERROR)
                    if interrupted:
                        raise _ChangedError
                    return rows
            if left < 0:
                raise NetlinkFormatError(f"{what}: more than {MAX_ROWS} rows", "a broken or flooded table")
            stale += not fresh
            if stale > MAX_STALE:
                raise _lost(what)
            if self._clock() > deadline:
                raise TimedOutError(f"{what}: not complete in {DEADLINE:g} s", "it is read again later")


def _check(buffer: bytearray, flags: int, start: int, end: int, what: str, is_error: bool) -> None:
    """Raise what an NLMSG_ERROR or NLMSG_DONE reports; 0 is success."""
    if end - start < 4:
        if is_error:
            raise NetlinkFormatError(f"{what}: an error message of {end - start} bytes")
        return
    code = int(nl.S32.unpack_from(buffer, start)[0])
    if code >= 0:
        return
    said = ""
    if flags & nl.NLM_F_ACK_TLVS and (flags & nl.NLM_F_CAPPED or not is_error):
        skip = 20 if is_error else 4  # the error, and our request's header where it is an error message
        found = nl.attributes(buffer, min(start + skip, end), end)
        said = nl.get_text(buffer, found, nl.NLMSGERR_ATTR_MSG) or ""
    raise from_errno(min(-code, 0x7FFF), what, said)


def _lost(what: str) -> TimedOutError:
    return TimedOutError(f"{what}: only answers to earlier questions came", "it is asked again")
