# SPDX-License-Identifier: Apache-2.0
"""Which ways a topology offers, and whom a frame tells of."""

from tools.lab.guest.heard import OGM2, originators
from tools.lab.topology import parse
from tools.lab.ways import offered


def test_a_ring_offers_both_sides_to_each_node() -> None:
    ways = offered(parse("ring:6"))
    assert len(ways) == 30
    assert ways["n1", "n4"] == ways["n1", "n2"] == {"e2", "e6"}
    assert all(len(devices) == 2 for devices in ways.values())


def test_a_line_offers_one_way_and_no_way_back() -> None:
    ways = offered(parse("line:3"))
    assert ways["n2", "n1"] == {"e1"}
    assert ways["n1", "n3"] == {"e2"}


def test_a_grid_offers_as_many_ways_as_a_node_has_wires() -> None:
    ways = offered(parse("grid:3x3"))
    assert ways["n5", "n1"] == {"e2", "e4", "e6", "e8"}
    assert ways["n1", "n9"] == {"e2", "e4"}


def test_a_branch_of_a_star_is_no_way_to_another() -> None:
    assert offered(parse("star:4"))["n1", "n2"] == {"e2"}


def ogm(originator: str, tvlv: bytes = b"") -> bytes:
    return OGM2.pack(4, 15, 50, 0, 7, bytes.fromhex(originator), len(tvlv), 10_000) + tvlv


def test_messages_sent_together_are_told_apart() -> None:
    frame = ogm("02783006ff00", b"x" * 28) + ogm("02783005ff00") + b"\0" * 12
    assert originators(frame) == {"02:78:30:06:ff:00", "02:78:30:05:ff:00"}


def test_another_packet_tells_of_nobody() -> None:
    elp = bytes.fromhex("030f02783006ff009ea04a8b000001f40000000000000000")
    assert originators(elp) == originators(ogm("02783006ff00")[:-1]) == set()
