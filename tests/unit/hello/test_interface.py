# SPDX-License-Identifier: Apache-2.0
"""Hellos go on whatever the kernel refuses; another interval forgets nothing."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.config import Config, Mesh
from agent.config import Hello as HelloConfig
from agent.config import Interface as Wire
from agent.config import Node as Named
from agent.hello.channel import Channel
from agent.hello.errors import ChannelError
from agent.hello.interface import Interface
from agent.hello.message import HelloMessage, decode_hello, encode, mac_bytes
from agent.hello.service import Hello
from agent.node import Node
from agent.nodehello import NodeHello
from tests.unit.faults.hand import mesh, snapshot

OURS, THEIRS = "02:78:30:02:00:01", "02:78:30:02:00:02"


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """No IPv6 socket from now on."""

    def no(family: int, *_: object) -> None:
        assert family == socket.AF_INET6
        raise OSError(number, "refused")

    monkeypatch.setattr("agent.hello.channel.socket.socket", no)


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.EAFNOSUPPORT, "ipv6.disable=1"),
        (errno.EMFILE, "LimitNOFILE"),
        (errno.ENOBUFS, "tried again"),
    ],
)
def test_a_kernel_that_gives_no_socket_is_a_channel_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, number: int, mend: str
) -> None:
    refuse(monkeypatch, number)
    with pytest.raises(ChannelError, match=mend) as raised:
        Channel("e1", 7077)
    assert raised.value.errno == number


class Wired:
    """Both ends of a channel without a network: what is sent is kept."""

    def __init__(self, name: str, *_: object) -> None:
        self.name, self.mac, self.index = name, OURS, 4
        self.sent: list[HelloMessage] = []
        self.said = asyncio.Event()
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._near.setblocking(False)

    def fileno(self) -> int:
        return self._near.fileno()

    def current(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        self.sent.append(decode_hello(data))
        self.said.set()

    def deliver(self, data: bytes) -> None:
        self._far.send(data)

    def receive(self) -> list[tuple[bytes, str]]:
        return [(self._near.recv(2000), "fe80::78:30ff:fe02:2")]

    def close(self) -> None:
        self._near.close()
        self._far.close()


class Wires:
    """Opens `Wired` channels; `error` refuses."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.opened: dict[str, Wired] = {}
        self.changed = asyncio.Event()

    def open(self, name: str, *_: object) -> Any:
        if self.error:
            raise self.error
        self.opened[name] = Wired(name)
        if name == "e1":
            self.changed.set()
        return self.opened[name]


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    made = Wires()
    yield made
    for channel in made.opened.values():
        channel.close()


def service(wires: Wires, interval: float = 60.0) -> Hello:
    return Hello(
        node="n1",
        interfaces=["e1"],
        mesh="bat0",
        port=7077,
        interval=interval,
        originator=lambda: "02:78:30:00:00:01",
        rng=random.Random(1),
        open_channel=wires.open,
    )


async def test_whatever_fails_in_a_beat_the_next_one_is_set(wires: Wires) -> None:
    def fail(_: Interface) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    interface = Interface(
        "e1",
        interval=1.0,
        open_channel=wires.open,
        compose=fail,
        on_news=lambda *_: None,
        clock=lambda: 5.0,
        rng=random.Random(1),
    )
    with pytest.raises(OSError, match="Too many"):
        interface.start()
    assert interface._timer is not None
    interface.stop()
    assert interface._timer is None


async def test_without_sockets_hellos_wait_say_why_and_begin_when_there_are_some(wires: Wires) -> None:
    wires.error = ChannelError("opening: Address family not supported: the kernel has no IPv6", 97)
    hello = service(wires)
    hello.start()
    try:
        assert "no IPv6" in hello.troubles()["e1"]
        assert "no IPv6" in hello.troubles()["bat0"]
        wires.error = None
        hello.refresh()
        assert hello.troubles() == {}
        assert hello.interfaces["e1"].mac == OURS
    finally:
        hello.stop()


async def test_an_interface_that_is_missing_or_down_is_no_trouble_of_hellos(wires: Wires) -> None:
    wires.error = ChannelError("the interface does not exist", errno.ENODEV)
    hello = service(wires)
    hello.start()
    assert hello.interfaces["e1"].problem
    assert hello.troubles() == {}
    hello.stop()


async def test_another_interval_is_said_at_once_and_forgets_nothing(wires: Wires) -> None:
    def config(interval: float) -> Config:
        wired = Mesh(interfaces=(Wire("e1"),))
        return Config(Named("n1"), mesh=wired, hello=HelloConfig(interval=interval))

    came = asyncio.Event()
    seen = snapshot(mesh=mesh(neighbours=()))
    node = NodeHello(config(60.0), lambda: seen, lambda _: came.set(), wires.open)
    running = asyncio.create_task(node.run())
    await wires.changed.wait()
    wire = wires.opened["e1"]
    wire.deliver(
        encode(
            HelloMessage(
                version=1,
                node="n2",
                originator=mac_bytes(THEIRS),
                mac=mac_bytes(THEIRS),
                sequence=1,
                interval_ms=1000,
            )
        )
    )
    async with asyncio.timeout(5):
        await came.wait()
    node.current.announce(health="healing", intents=["detach e1"], suspects={"e1": [THEIRS]})
    node.reconfigure(config(0.1))
    async with asyncio.timeout(5):
        while wire.sent[-1].interval_ms != 100 or len(wire.sent) < 8:  # at 60 s eight would take minutes
            wire.said.clear()
            await wire.said.wait()
    last = wire.sent[-1]
    assert (last.health, last.intents) == ("healing", ("detach e1",))
    assert last.suspects == (mac_bytes(THEIRS),)
    assert [peer.node for peer in node.peers()] == ["n2"]
    assert wires.opened["e1"] is wire, "the channel was not opened again"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_hellos_and_echoes_are_not_what_the_agent_dies_of(tmp_path: Path) -> None:
    config = Config(Named("n1"), mesh=Mesh(interfaces=(Wire("e1"),)))
    node: Any = Node(config, tmp_path / "x0.yaml", "boot-1")
    node._add_tasks()
    essential = {task.state.name for task in node._supervisor._tasks if task.essential}
    assert essential == {"mesh", "loop", "watchdog"}
    node._hello.current = SimpleNamespace(troubles=lambda: {"e1": "the kernel has no IPv6"})
    assert node.troubles()["hello e1"] == "the kernel has no IPv6"
