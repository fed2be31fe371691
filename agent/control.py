# SPDX-License-Identifier: Apache-2.0
"""The agent's side of the `x0` command: JSON lines over a unix socket.

Request `{"command": "status", "args": {}}`, answer `{"ok": true, "result": ...}` or
`{"ok": false, "error": {"what": ..., "mend": ...}}`; one line each. Who may ask: root, the
agent's own user, and members of its group, by the kernel's word (SO_PEERCRED), not the peer's; what for, the
authorisation says (docs/policy.md), asked for each command.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger("x0.control")

REQUEST_MAX = 64 * 1024  # bytes a line; the longest request we make has 200
ANSWER_MAX = 1024 * 1024  # bytes; a status with 256 neighbours and 20 faults has about 100 KiB
CONNECTIONS_MAX = 8  # a technician, a script or two; each costs a task and a buffer
IDLE_TIMEOUT = 10.0  # s to send a request or take an answer, so that nobody holds one of the eight for ever
HANDLER_TIMEOUT = 10.0  # s; what the handlers do is look at values or set a flag
BACKLOG = 8
SOCKET_MODE = 0o660
UCRED = struct.Struct("3i")  # pid, uid, gid; unix(7)
SO_PEERGROUPS = 59  # asm-generic/socket.h; supplementary groups of the peer
GROUPS_MAX = 256  # of a peer that are looked at

Handler = Callable[[dict[str, Any]], Awaitable[Any]]
Permit = Callable[[str, str], str]  # (kind of peer, command) > why it is refused, "" where it is not


class ControlError(Exception):
    """A request that cannot be answered, or a socket that cannot be opened: what, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}. Mend: {mend}")
        self.what = what
        self.mend = mend


class Request(msgspec.Struct, frozen=True):
    """One line from the command."""

    command: str
    args: dict[str, Any] = {}


class ControlServer:
    """Listens on one unix socket and calls the handler named by each request."""

    def __init__(
        self,
        path: str | Path,
        handlers: Mapping[str, Handler],
        *,
        idle_timeout: float = IDLE_TIMEOUT,
        handler_timeout: float = HANDLER_TIMEOUT,
        who: Callable[[socket.socket], str] | None = None,
        permit: Permit = lambda _who, _command: "",
    ) -> None:
        """`who` names the kind of peer, "" where none may ask at all."""
        self._path = Path(path)
        self._handlers = handlers
        self._idle_timeout = idle_timeout
        self._handler_timeout = handler_timeout
        self._who, self._permit = who or peer_kind, permit
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._inode = 0

    async def start(self) -> None:
        """Listen; raises ControlError where the socket cannot be had."""
        sock = _listen(self._path)
        self._inode = self._path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._accept, sock=sock, limit=REQUEST_MAX)

    async def close(self) -> None:
        """Stop listening, end the connections, remove the socket if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None
        with contextlib.suppress(OSError):
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()

    async def run(self) -> None:
        """Serve until cancelled: the form a supervised task has."""
        await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= CONNECTIONS_MAX:
            await self._refuse(
                writer, f"{CONNECTIONS_MAX} commands are connected already", "try again in a moment"
            )
            return
        self._tasks.add(task)
        try:
            kind = self._who(writer.get_extra_info("socket"))
            if not kind:
                await self._refuse(
                    writer, "this user may not command the agent", "run it as root, e.g. with sudo"
                )
                return
            await self._serve(reader, writer, kind)
        except (TimeoutError, ConnectionError):
            pass  # gone or too slow: nobody is left to tell
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), self._idle_timeout)
            except ValueError:  # the line is longer than the reader's limit
                await self._refuse(writer, f"a request of more than {REQUEST_MAX} bytes", "send less")
                return
            if not line:
                return
            await self._send(writer, await self._answer(line, kind))

    async def _answer(self, line: bytes, kind: str) -> bytes:
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as error:
            return _error(f"a request that cannot be read ({error})", 'send {"command": NAME, "args": {...}}')
        handler = self._handlers.get(request.command)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            return _error(f"the agent knows no command {request.command[:40]}", f"it knows {known}")
        if why := self._permit(kind, request.command):
            return _error(why, "ask the node's operator; x0 policy show lists the rules")
        try:
            result = await asyncio.wait_for(handler(request.args), self._handler_timeout)
            answer = msgspec.json.encode({"ok": True, "result": result})
        except ControlError as error:
            return _error(error.what, error.mend)
        except TimeoutError:
            return _error(
                f"{request.command} took more than {self._handler_timeout:g} s", "look at the agent's log"
            )
        except Exception:
            log.exception("control: %s failed", request.command)
            return _error(f"{request.command} failed inside the agent", "look at the agent's log")
        if len(answer) >= ANSWER_MAX:
            return _error(f"an answer of {len(answer)} bytes", "that is a mistake of the agent: report it")
        return answer

    async def _send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer + b"\n")
        await asyncio.wait_for(writer.drain(), self._idle_timeout)

    async def _refuse(self, writer: asyncio.StreamWriter, what: str, mend: str) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            await self._send(writer, _error(what, mend))
        writer.close()


def peer_kind(sock: socket.socket) -> str:
    """ "root", "own" (the agent's user), "group" (of the agent's own group), "" where it is none of them."""
    _pid, uid, gid = UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    if uid == 0:
        return "root"
    if uid == os.geteuid():
        return "own"
    if gid == os.getegid():
        return "group"
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, GROUPS_MAX * 4)
    except OSError:  # a kernel before 4.13, or more groups than we look at
        return ""
    return "group" if os.getegid() in struct.unpack(f"{len(raw) // 4}I", raw) else ""


def _error(what: str, mend: str) -> bytes:
    return msgspec.json.encode({"ok": False, "error": {"what": what, "mend": mend}})


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path` with its mode set before anybody can connect to it."""
    _refuse_live(path)
    draft = path.with_name(f".{path.name[:80]}.{os.getpid()}")  # renamed when its mode is right
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        sock.bind(str(draft))
        draft.chmod(SOCKET_MODE)
        sock.listen(BACKLOG)
        draft.rename(path)
    except OSError as error:
        sock.close()
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        words = error.strerror or str(error)
        mend = "check node.control_socket and the rights on its folder"
        raise ControlError(f"the control socket {path} cannot be opened ({words})", mend) from None
    return sock


def _refuse_live(path: Path) -> None:
    """A socket left by a dead agent is replaced; one that answers, or a file that is no socket, is not."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} is there and no socket", "remove it, or set node.control_socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(str(path)) in (0, errno.EAGAIN):
            mend = "stop the other one, or give this one its own node.control_socket"
            raise ControlError(f"another agent answers at {path}", mend)
