# SPDX-License-Identifier: Apache-2.0
"""Rules of the service manager's notifications, over a real datagram socket in a temporary folder."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


def _notifier(manager: socket.socket, **more: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": manager.getsockname(), **more})


async def _receive(manager: socket.socket) -> list[str]:
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(manager, 4096), 5)
    return data.decode().split("\n")


def test_nothing_is_sent_without_a_service_manager() -> None:
    Notifier({}).send(READY="1")


def test_a_dead_service_manager_is_no_error(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send(READY="1")


async def test_fields_are_one_line_each(manager: socket.socket) -> None:
    _notifier(manager).send(STATUS="evil\nREADY=1")
    assert await _receive(manager) == ["STATUS=evil READY=1"]


async def test_abstract_sockets_are_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0x0-test-{os.getpid()}")
        sock.setblocking(False)
        Notifier({"NOTIFY_SOCKET": f"@x0-test-{os.getpid()}"}).send(READY="1")
        assert await _receive(sock) == ["READY=1"]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_watchdog_time_is_ours_only(environ: dict[str, str], seconds: float) -> None:
    assert Notifier(environ).watchdog == seconds


async def test_ready_comes_with_the_first_fresh_heartbeat_and_only_once(manager: socket.socket) -> None:
    notifier = _notifier(manager, WATCHDOG_USEC="20000")
    beat = [0.0]
    watch = asyncio.create_task(notifier.watch(lambda: beat[0], 5.0, lambda: "ok", clock=lambda: 100.0))
    try:
        assert await _receive(manager) == ["STATUS=ok"]
        beat[0] = 99.0
        while (fields := await _receive(manager)) == ["STATUS=ok"]:
            pass
        assert fields == ["STATUS=ok", "READY=1", "WATCHDOG=1"]
        assert await _receive(manager) == ["STATUS=ok", "WATCHDOG=1"]
    finally:
        watch.cancel()


async def test_the_watchdog_starves_when_the_loop_hangs(manager: socket.socket) -> None:
    notifier = _notifier(manager, WATCHDOG_USEC="20000")
    now = [100.0]
    watch = asyncio.create_task(notifier.watch(lambda: 100.0, 5.0, lambda: "ok", clock=lambda: now[0]))
    try:
        assert "WATCHDOG=1" in await _receive(manager)
        now[0] = 106.0
        while "WATCHDOG=1" in (fields := await _receive(manager)):
            pass
        assert fields == ["STATUS=ok"]
    finally:
        watch.cancel()
