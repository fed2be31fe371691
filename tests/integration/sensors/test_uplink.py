# SPDX-License-Identifier: Apache-2.0
"""Questions beyond a real uplink: ping and DNS over a veth pair, by the interface they must leave through."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.kernel.routes import DefaultRoute, default_routes
from agent.sensors.question import TIMEOUT, Kind, Question
from tests.integration import netns
from tools.lab.beyond import answer

pytestmark = pytest.mark.skipif(bool(netns.missing()), reason=netns.missing() or "-")

FAR, FAR6 = "192.0.2.1", "2001:db8::1"


@pytest.fixture(scope="module")
def spaces() -> Iterator[tuple[str, str]]:
    """Near and far end with addresses of both families; near has its default routes there."""
    with netns.pair("up") as (near, far):
        for space, number in ((far, 1), (near, 2)):
            netns.ip("-n", space, "link", "set", "lo", "up")
            netns.ip("-n", space, "address", "add", f"192.0.2.{number}/24", "dev", "e1")
            netns.ip("-n", space, "address", "add", f"2001:db8::{number}/64", "dev", "e1", "nodad")
        netns.ip("-n", near, "route", "add", "default", "via", FAR)
        netns.ip("-n", near, "-6", "route", "add", "default", "via", FAR6, "metric", "2000")
        yield near, far


def ask(space: str, kind: Kind, target: str, device: str = "e1") -> Question:
    """Asked in the namespace and waited for."""
    with netns.inside(space):
        asked = Question(kind, target, device, "example.com", time.monotonic())
        while not asked.done:
            poll = select.poll()
            poll.register(asked, select.POLLIN)
            poll.poll(50)
            asked.advance(time.monotonic())
    return asked


@pytest.mark.parametrize("target", [FAR, FAR6])
def test_a_host_that_is_there_answers_ping_by_the_uplink(spaces: tuple[str, str], target: str) -> None:
    asked = ask(spaces[0], "icmp", target)
    assert (asked.ok, asked.detail) == (True, "answers")


@pytest.mark.parametrize(
    ("target", "device", "why"),
    [
        ("192.0.2.77", "e1", ""),
        (FAR, "wan9", "the uplink's interface does not exist"),
        (FAR, "lo", ""),
        ("2001:db8:1::1", "lo", ""),
    ],
    ids=["nobody there", "no interface", "another interface", "IPv6 by another interface"],
)
def test_where_nobody_answers_it_is_said_why(
    spaces: tuple[str, str], target: str, device: str, why: str
) -> None:
    begun = time.monotonic()
    asked = ask(spaces[0], "icmp", target, device)
    assert not asked.ok
    assert asked.detail
    assert why in asked.detail
    assert time.monotonic() - begun < TIMEOUT + 1.0


@pytest.mark.parametrize("target", [FAR, FAR6])
def test_a_server_that_resolves_is_told_from_one_that_is_not_there(
    spaces: tuple[str, str], target: str
) -> None:
    near, far = spaces
    assert ask(near, "dns", target).detail == "Connection refused"
    with netns.inside(far):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        server = socket.socket(family, socket.SOCK_DGRAM)
        server.bind((target, 53))

    def serve() -> None:
        packet, sender = server.recvfrom(512)
        server.sendto(b"noise", sender)
        server.sendto(answer(packet), sender)

    serving = threading.Thread(target=serve)
    serving.start()
    asked = ask(near, "dns", target)
    serving.join(TIMEOUT)
    server.close()
    assert (asked.ok, asked.detail) == (True, "resolves (1 records)")


def test_the_default_routes_of_a_real_kernel_are_read(spaces: tuple[str, str]) -> None:
    with netns.inside(spaces[0]):
        found = default_routes(Path("/proc/thread-self/net"))
    assert found == (DefaultRoute("e1", FAR, 0), DefaultRoute("e1", FAR6, 2000))
