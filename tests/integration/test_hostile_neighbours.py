# SPDX-License-Identifier: Apache-2.0
"""The whole agent, as a process, before a flood from a neighbour."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from agent.hello.channel import HELLO_GROUP
from agent.hello.message import HelloMessage, encode
from tests.integration import netns
from tests.integration.harm import settle, unharmed
from tests.integration.running import meanwhile, running


def flood(count: int) -> None:
    """Well-formed hellos of ever new neighbours, and noise of all sizes."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        there = (HELLO_GROUP, 7077, 0, socket.if_nametoindex("e1"))
        for number in range(count):
            mac = b"\x02" + number.to_bytes(5, "big")
            hello = HelloMessage(
                version=1,
                node=f"x{number}",
                originator=mac,
                mac=mac,
                sequence=number,
                interval_ms=1000,
                heard=(),
                suspects=(),
                partial=False,
                health="healthy",
                intents=("detach everything",),
            )
            for data in (encode(hello), os.urandom(number % 1400)):
                with contextlib.suppress(OSError):
                    sock.sendto(data, there)
            if number % 10 == 9:
                time.sleep(0.003)  # 3,000 a second of each: faster ones die in the receiver's buffer, unread


def taken() -> int:
    """Datagrams that programs of this namespace took from their sockets."""
    lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Udp6InDatagrams"))


def test_a_flood_of_hellos_and_noise_is_bounded_in_memory_processor_and_log(tmp_path: Path) -> None:
    why = netns.missing()
    if why:
        pytest.skip(why)
    mesh = "{interfaces: [{name: e1, kind: wire}], name: x0fbat}"
    with netns.pair("fl") as (here, there), netns.inside(here):
        netns.ip("-n", here, "link", "set", "lo", "up")
        with running(tmp_path, mesh=mesh) as agent:
            before, busy, began = settle(agent), agent.cpu_s(), time.monotonic()

            def attack() -> None:
                with netns.inside(there):
                    flood(10_000)

            meanwhile(attack, agent)
            took = time.monotonic() - began
            assert taken() > 5000, "the flood did not reach the agent"
            assert agent.cpu_s() - busy < 0.8 * took + 0.5
            unharmed(agent, before, (200, 503))
