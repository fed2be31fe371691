# SPDX-License-Identifier: Apache-2.0
"""Requests that carry a stream: a program's input and output, a terminal, a growing file."""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import termios
from pathlib import Path
from typing import Any

from tools.lab.guest import frames, processes
from tools.lab.guest.errors import GuestError

FOLLOW_POLL_S = 0.1  # how often a followed file is looked at


class Stream:
    """Frames in both directions on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def receive(self) -> tuple[int, bytes]:
        """Return the next frame. Raises ValueError on one too long, IncompleteReadError at the end."""
        channel, length = frames.HEADER.unpack(await self._reader.readexactly(frames.HEADER.size))
        if length > frames.MAX_FRAME:
            raise ValueError(f"frame of {length} bytes")
        return channel, await self._reader.readexactly(length)

    async def receive_json(self) -> dict[str, Any]:
        """Return the next frame, which must be a JSON object."""
        _, payload = await self.receive()
        message = json.loads(payload)
        if not isinstance(message, dict):
            raise ValueError("a request is a JSON object")
        return message

    async def send(self, channel: int, payload: bytes) -> None:
        """Send one frame."""
        self._writer.write(frames.pack(channel, payload))
        await self._writer.drain()

    async def send_json(self, message: dict[str, Any]) -> None:
        """Send a control frame."""
        await self.send(frames.CONTROL, frames.pack_json(message)[frames.HEADER.size :])


async def run_program(argv: list[str], request: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Run a program, its output streamed. Returns {"exit": code}; a signal counts as 128 + number."""
    wants_input = bool(request.get("stdin"))
    environment = {**os.environ, **request.get("env", {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if environment.get("PYTHONPATH") == "/src":
        environment["PYTHONPATH"] = "/run/x0-lab/tree:/usr/lib/x0/python"
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if wants_input else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=environment,
            cwd=request.get("cwd", "/"),
        )
    except FileNotFoundError as error:
        raise GuestError(f"cannot start {argv[0]}: {error}") from error
    assert process.stdout is not None
    assert process.stderr is not None

    async def copy(source: asyncio.StreamReader, channel: int) -> None:
        while chunk := await source.read(frames.CHUNK):
            await stream.send(channel, chunk)

    async def feed() -> None:
        """Pass the host's input on; when the host goes away, end the program."""
        try:
            while True:
                channel, payload = await stream.receive()
                if channel == frames.STDIN and process.stdin is not None:
                    if payload:
                        process.stdin.write(payload)
                        with contextlib.suppress(ConnectionError):
                            await process.stdin.drain()
                    else:
                        process.stdin.close()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            kill_group(process.pid)

    feeding = asyncio.create_task(feed())
    try:
        await asyncio.gather(copy(process.stdout, frames.STDOUT), copy(process.stderr, frames.STDERR))
        code = await process.wait()
    finally:
        await _ended(feeding)
        if process.returncode is None:
            kill_group(process.pid)
    return {"exit": code if code >= 0 else 128 - code}


async def _ended(task: "asyncio.Task[None]") -> None:
    """Cancel it and wait: only one may read a stream."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def kill_group(pid: int) -> None:
    """End a program we started and its session, also across a PID namespace."""
    inner = processes.entered(pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    processes.send(inner, signal.SIGKILL)


async def run_terminal(argv: list[str], request: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Run a program on a terminal of its own. Control frames change the window: {"rows", "columns"}."""
    master, slave = pty.openpty()
    resize(master, request)
    environment = {**os.environ, "TERM": str(request.get("term", "linux"))}
    process = await asyncio.create_subprocess_exec(
        *("setsid", "--ctty", "--wait", *argv), stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    loop = asyncio.get_running_loop()
    output: asyncio.Queue[bytes] = asyncio.Queue()

    def readable() -> None:
        try:
            chunk = os.read(master, frames.CHUNK)
        except OSError:
            chunk = b""  # the last process closed the terminal
        if not chunk:
            loop.remove_reader(master)
        output.put_nowait(chunk)

    async def feed() -> None:
        try:
            while True:
                channel, payload = await stream.receive()
                if channel == frames.STDIN:
                    os.write(master, payload)
                elif channel == frames.CONTROL:
                    resize(master, json.loads(payload))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, OSError):
            processes.send(process.pid, signal.SIGHUP)

    loop.add_reader(master, readable)
    feeding = asyncio.create_task(feed())
    try:
        while chunk := await output.get():
            await stream.send(frames.STDOUT, chunk)
        code = await process.wait()
    finally:
        await _ended(feeding)
        loop.remove_reader(master)
        os.close(master)
    return {"exit": code if code >= 0 else 128 - code}


def resize(terminal: int, window: dict[str, Any]) -> None:
    """Set a terminal's size."""
    rows, columns = int(window.get("rows", 24)), int(window.get("columns", 80))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("=HHHH", rows, columns, 0, 0))


async def send_file(path: Path, request: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Send a file from `offset`; with `follow` until the host closes. Returns {"offset": where it ended}."""
    offset = int(request.get("offset", 0))
    follow = bool(request.get("follow"))
    gone = asyncio.create_task(stream.receive())
    try:
        while True:
            if path.exists():
                with path.open("rb") as handle:
                    handle.seek(offset)
                    while chunk := handle.read(frames.CHUNK):
                        offset += len(chunk)
                        await stream.send(frames.STDOUT, chunk)
            elif not follow:
                raise GuestError(f"no file {path} in the machine")
            if not follow or gone.done():
                return {"offset": offset}
            await asyncio.wait([gone], timeout=FOLLOW_POLL_S)
    finally:
        gone.cancel()
        with contextlib.suppress(
            asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError, ValueError
        ):
            await gone
