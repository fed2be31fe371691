# SPDX-License-Identifier: Apache-2.0
"""Whoever is on the wire without an identity costs a bounded effort and keeps no neighbour out."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

import pytest

from agent.linksec import admission, beacon
from agent.linksec.report import Kind
from tests.integration.linksec.running import Node, node
from tests.integration.netns import inside, ip, missing, pair
from tests.unit.linksec.authority import Mesh

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
MAC_A, MAC_B = "02:00:00:00:00:01", "02:00:00:00:00:02"
VICTIM = "fe80::ff:fe00:2"  # of MAC_B
ADDRESSES = [f"fe80::bad:{number:x}" for number in range(1, 61)]


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    with pair("f") as names:
        for address in ADDRESSES:
            ip("-n", names[0], "address", "add", f"{address}/64", "dev", "e1", "nodad")
        yield names


def connections(
    namespace: str, sources: list[str], each: int, stack: contextlib.ExitStack, hops: int = 255
) -> list[socket.socket]:
    """Connections that are opened and say nothing; those the victim closed at once are among them."""
    made = []
    with inside(namespace):
        index = socket.if_nametoindex("e1")
        for source in sources:
            for _ in range(each):
                one = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
                one.setblocking(False)
                one.bind((source, 0, 0, index))
                with contextlib.suppress(BlockingIOError):
                    one.connect((VICTIM, beacon.PORT, 0, index))
                made.append(one)
    return made


def counted(victim: Node) -> int:
    """Connections the victim has seen."""
    return victim.call(lambda service: service.counters.accepted + service.counters.refused)


def test_half_open_connections_of_one_source_are_bounded(wire: tuple[str, str], mesh: Mesh) -> None:
    with node(wire[1], MAC_B, mesh, "berta") as victim, contextlib.ExitStack() as stack:
        victim.ready()
        connections(wire[0], ADDRESSES[:1], 40, stack)
        victim.until(lambda: counted(victim) >= 30)
        half_open = victim.call(lambda service: service.half_open)
        assert half_open <= admission.MAX_HALF_OPEN_SOURCE
        assert victim.call(lambda service: len(service._connections.sessions)) == half_open
        assert victim.call(lambda service: service.counters.refused) >= 30


def test_half_open_connections_of_many_sources_are_bounded_and_end(wire: tuple[str, str], mesh: Mesh) -> None:
    with node(wire[1], MAC_B, mesh, "berta") as victim, contextlib.ExitStack() as stack:
        victim.ready()
        connections(wire[0], ADDRESSES, 2, stack)
        victim.until(lambda: counted(victim) >= 60)
        assert victim.call(lambda service: service.half_open) <= admission.MAX_HALF_OPEN
        assert victim.call(lambda service: len(service._connections.sessions)) <= admission.MAX_HALF_OPEN
        victim.until(lambda: victim.call(lambda service: service.half_open) == 0)  # by their deadline


def test_a_neighbour_links_up_and_comes_back_during_a_flood_from_many_sources(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    with (
        node(wire[0], MAC_A, mesh, "anna") as anna,
        node(wire[1], MAC_B, mesh, "berta") as victim,
        contextlib.ExitStack() as stack,
    ):
        anna.until(lambda: anna.saw(Kind.UP))
        victim.until(lambda: victim.saw(Kind.UP))
        connections(wire[0], ADDRESSES, 2, stack)
        anna.stop()
        anna.events.clear()
        connections(wire[0], ADDRESSES, 2, stack)
        anna.start()
        anna.until(lambda: anna.saw(Kind.UP))
        assert victim.kernel.readable_by(anna.kernel)


def test_garbage_on_the_beacon_port_is_counted_limited_and_otherwise_nothing(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    rng = random.Random(1)
    with node(wire[1], MAC_B, mesh, "berta") as victim:
        victim.ready()
        with inside(wire[0]), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            index = socket.if_nametoindex("e1")
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            for _ in range(300):
                sender.sendto(rng.randbytes(rng.randrange(0, 1400)), (beacon.GROUP, beacon.PORT, 0, index))
        victim.until(lambda: victim.call(lambda service: service.counters.beacons_limited) > 0)
        counters = victim.call(lambda service: service.counters)
        assert 0 < counters.beacons_malformed <= 20
        assert counters.dialled == 0
        assert not victim.events


def test_beacons_of_nobody_make_us_dial_few_at_a_time(wire: tuple[str, str], mesh: Mesh) -> None:
    with node(wire[1], MAC_B, mesh, "berta") as victim:
        victim.ready()
        said = beacon.Beacon(1, beacon.mesh_tag("tal"), b"x" * 8, beacon.PORT, "hybrid", "required", 60_000)
        with inside(wire[0]), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            index = socket.if_nametoindex("e1")
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sender.sendto(beacon.encode(said), (beacon.GROUP, beacon.PORT, 0, index))
        victim.until(lambda: victim.call(lambda service: service.counters.failures))
        assert victim.call(lambda service: len(service._connections._dials)) <= 4
        assert not victim.saw(Kind.UP)


def test_what_a_router_passed_on_is_not_even_answered(wire: tuple[str, str], mesh: Mesh) -> None:
    with node(wire[1], MAC_B, mesh, "berta") as victim, contextlib.ExitStack() as stack:
        victim.ready()
        connections(wire[0], ADDRESSES[:1], 1, stack, hops=64)
        connections(wire[0], ADDRESSES[1:2], 1, stack)
        victim.until(lambda: counted(victim))
        assert counted(victim) == 1, "the one that came second"
