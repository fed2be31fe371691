# SPDX-License-Identifier: Apache-2.0
"""Two hello services on the two ends of a real (veth) wire."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from agent.hello.channel import HELLO_GROUP, Channel
from agent.hello.errors import ChannelError
from agent.hello.message import MAX_BYTES, HelloMessage, encode, mac_bytes
from agent.hello.service import Change, Hello
from agent.readings import Peer
from tests.integration.netns import inside, ip, missing, pair

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
MAC_A, MAC_B = "02:00:00:00:00:01", "02:00:00:00:00:02"
PORT = 7077


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    with pair("h") as names:
        yield names


class Node:
    """A Hello in a namespace with what it was told."""

    def __init__(self, namespace: str, name: str, interval: float = 0.2) -> None:
        self.changes: list[Change] = []
        self._wake = asyncio.Event()

        def open_channel(interface: str, port: int, group: str) -> Channel:
            with inside(namespace):
                return Channel(
                    "e1" if interface == "bat0" else interface, port + (interface == "bat0"), group
                )

        self.hello = Hello(
            node=name,
            interfaces=["e1"],
            mesh="bat0",
            port=PORT,
            interval=interval,
            originator=lambda: f"02:78:30:00:00:0{name[-1]}",
            elp_ms=lambda _: 100 + int(name[-1]),
            on_change=self._changed,
            rng=random.Random(1 if name == "n1" else 2),
            open_channel=open_channel,
        )

    def _changed(self, change: Change) -> None:
        self.changes.append(change)
        self._wake.set()

    async def until(self, what: Callable[[], object], timeout: float = 5.0) -> float:
        """Seconds until `what` holds, looked at on every change (and, for ages, every 20 ms)."""
        began = time.monotonic()
        async with asyncio.timeout(timeout):
            while not what():
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), 0.02)
                except TimeoutError:
                    continue
        return time.monotonic() - began

    @property
    def peer(self) -> Peer:
        (peer,) = self.hello.peers()
        return peer


@pytest.fixture
async def nodes(wire: tuple[str, str]) -> object:
    one, two = Node(wire[0], "n1"), Node(wire[1], "n2")
    one.hello.start()
    two.hello.start()
    yield one, two
    one.hello.stop()
    two.hello.stop()


async def test_neighbours_find_each_other_and_learn_that_they_are_heard(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.until(lambda: one.hello.peers() and one.peer.hears_us)
    await two.until(lambda: two.hello.peers() and two.peer.hears_us)
    assert (one.peer.node, one.peer.mac, one.peer.address) == ("n2", MAC_B, "fe80::ff:fe00:2")
    assert one.hello.address("e1", MAC_B) == "fe80::ff:fe00:2"
    assert two.peer.originator == "02:78:30:00:00:01"
    assert (one.peer.elp_interval_ms, two.peer.elp_interval_ms) == (102, 101)


async def test_a_suspicion_reaches_the_neighbour_within_a_tenth_of_a_second(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.until(lambda: two.hello.peers() and two.peer.hears_us)
    one.hello.announce(suspects={"e1": [MAC_B]}, intents=["detach hardif/e1"])
    assert await two.until(lambda: two.peer.hears_us is False) < 0.15
    assert two.peer.intents == ("detach hardif/e1",)
    one.hello.announce(suspects={}, intents=[])
    assert await two.until(lambda: two.peer.hears_us) < 0.5


async def test_announcing_without_end_sends_no_more_than_the_least_gap_allows(
    nodes: tuple[Node, Node],
) -> None:
    one, _ = nodes
    interface = one.hello.interfaces["e1"]
    before, end = interface.sent, time.monotonic() + 0.5
    while time.monotonic() < end:
        interface.announce()
        await asyncio.sleep(0)
    assert 5 <= interface.sent - before <= 12


async def test_a_neighbour_that_falls_silent_is_gone_and_comes_back(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await one.until(lambda: one.hello.peers() and one.peer.hears_us)
    two.hello.interfaces["e1"].stop()  # n2 falls silent; n1 stops listing it
    await one.until(lambda: any(c.what == "gone" for c in one.changes))
    assert one.peer.hello_streak == 0
    two.hello.interfaces["e1"].start()
    await one.until(lambda: one.peer.hello_streak > 0 and one.peer.hears_us)


async def test_a_report_reaches_the_mesh_once_despite_its_repeats(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    await two.until(two.hello.peers)  # the wire carries
    assert one.hello.report("link-dead", MAC_B, MAC_A)
    await two.until(two.hello.reports)
    await asyncio.sleep(0.3)  # the repeats, at 0.05 and 0.2 s
    assert [c.what for c in two.changes].count("report") == 1
    (report,) = two.hello.reports()
    assert (report.node, report.kind, report.subject_mac, report.about_mac) == (
        "n1",
        "link-dead",
        MAC_B,
        MAC_A,
    )
    assert one.hello.reports() == ()


async def test_own_reports_are_rate_limited(nodes: tuple[Node, Node]) -> None:
    one, _ = nodes
    assert sum(one.hello.report("one-way", MAC_B, MAC_A) for _ in range(50)) == 8


async def test_an_interface_that_goes_and_comes_back_is_joined_again(
    nodes: tuple[Node, Node], wire: tuple[str, str]
) -> None:
    one, _ = nodes
    await one.until(lambda: one.hello.peers() and one.peer.hears_us)
    ip("-n", wire[0], "link", "set", "e1", "down")
    one.hello.refresh()
    interface = one.hello.interfaces["e1"]
    assert "down" in interface.problem
    ip("-n", wire[0], "link", "set", "e1", "name", "e9")
    ip("-n", wire[0], "link", "set", "e9", "name", "e1", "address", "02:00:00:00:00:07", "up")
    one.hello.refresh()
    assert interface.mac == "02:00:00:00:00:07"
    await one.until(lambda: one.peer.hello_age < 0.2 and one.peer.hears_us)


async def test_an_interface_that_does_not_exist_is_named_and_tried_again(wire: tuple[str, str]) -> None:
    ip("-n", wire[0], "link", "set", "e1", "name", "later")
    node = Node(wire[0], "n1")
    node.hello.start()
    interface = node.hello.interfaces["e1"]
    assert "does not exist" in interface.problem
    ip("-n", wire[0], "link", "set", "later", "down")
    ip("-n", wire[0], "link", "set", "later", "name", "e1", "up")
    await node.until(lambda: interface.sent)
    node.hello.stop()
    assert interface.mac == ""


async def test_garbage_routed_and_global_datagrams_are_dropped(
    nodes: tuple[Node, Node], wire: tuple[str, str]
) -> None:
    _, two = nodes
    await two.until(two.hello.peers)
    two_if = two.hello.interfaces["e1"]
    assert two_if._channel is not None
    good = encode(
        HelloMessage(
            version=1,
            node="evil",
            originator=mac_bytes("02:00:00:00:00:66"),
            mac=mac_bytes("02:00:00:00:00:66"),
            sequence=1,
            interval_ms=1000,
        )
    )
    with inside(wire[0]), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        index = socket.if_nametoindex("e1")
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.sendto(good, (HELLO_GROUP, PORT, 0, index))  # hop limit 1: not ours
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.sendto(bytes(MAX_BYTES + 1), (HELLO_GROUP, PORT, 0, index))
        sock.sendto(b"\xff" * 64, (HELLO_GROUP, PORT, 0, index))
    await two.until(lambda: two_if.malformed)
    assert two_if._channel.dropped == 2
    assert [p.node for p in two.hello.peers()] == ["n1"]


async def test_a_flood_is_refused_beyond_its_rate_and_does_not_hide_the_neighbour(
    nodes: tuple[Node, Node], wire: tuple[str, str]
) -> None:
    _, two = nodes
    await two.until(lambda: two.hello.peers() and two.peer.hears_us)
    with inside(wire[0]):
        ip("-n", wire[0], "addr", "add", "fe80::bad/64", "dev", "e1", "nodad", "preferred_lft", "0")
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        index = socket.if_nametoindex("e1")
        sock.bind(("fe80::bad", 0, 0, index))
    with sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        for _ in range(20):
            for _ in range(20):
                sock.sendto(b"\xff" * 64, (HELLO_GROUP, PORT, 0, index))
            await asyncio.sleep(0.05)
    two_if = two.hello.interfaces["e1"]
    await two.until(lambda: two_if.refused)
    assert two_if.malformed < 60
    assert two.peer.hello_age < 0.5


def test_a_channel_on_a_missing_interface_says_so() -> None:
    with pytest.raises(ChannelError, match=r"nope0.*does not exist"):
        Channel("nope0", PORT)
