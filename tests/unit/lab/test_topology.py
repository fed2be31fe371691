# SPDX-License-Identifier: Apache-2.0
"""Topologies: shapes, names, addresses, and what is refused."""

from itertools import product
from pathlib import Path

import pytest

from tools.lab.errors import UsageError
from tools.lab.topology import MAX_NODES, Link, parse


def pairs(text: str) -> list[tuple[int, int]]:
    return [(link.a, link.b) for link in parse(text).links]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("line:1", []),
        ("line:4", [(1, 2), (2, 3), (3, 4)]),
        ("ring:4", [(1, 2), (2, 3), (3, 4), (1, 4)]),
        ("ring:2", [(1, 2)]),
        ("star:4", [(1, 2), (1, 3), (1, 4)]),
        ("full:3", [(1, 2), (1, 3), (2, 3)]),
        ("grid:2x3", [(1, 2), (1, 4), (2, 3), (2, 5), (3, 6), (4, 5), (5, 6)]),
    ],
)
def test_short_forms_give_their_edges(text: str, expected: list[tuple[int, int]]) -> None:
    assert pairs(text) == expected


def test_a_grid_of_three_by_three_has_twelve_edges_and_nine_nodes() -> None:
    topology = parse("grid:3x3")
    assert (topology.count, len(topology.links)) == (9, 12)
    assert topology.names[-1] == "n9"


@pytest.mark.parametrize(
    ("text", "kind", "machines"),
    [("radio:4", "radio", False), ("vm:2", "cable", True), ("line:2", "wire", False)],
)
def test_the_form_decides_what_joins_the_nodes(text: str, kind: str, machines: bool) -> None:
    topology = parse(text)
    assert {link.kind for link in topology.links} == {kind}
    assert topology.machines is machines


def test_radio_without_a_shape_is_a_ring() -> None:
    assert pairs("radio:4") == pairs("ring:4")


@pytest.mark.parametrize("text", ["grid:3x3", "ring:6", "full:6"])
def test_every_device_of_the_lab_has_an_address_of_its_own(text: str) -> None:
    topology = parse(text)
    macs = [link.mac(end) for link in topology.links for end in (link.a, link.b)]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs), "locally administered and unicast"


def test_devices_of_a_node_are_named_after_the_other_end() -> None:
    topology = parse("star:3")
    assert [link.device(1) for _, link in topology.links_of(1)] == ["e2", "e3"]
    assert [link.device(3) for _, link in topology.links_of(3)] == ["e1"]


def write(folder: Path, text: str) -> str:
    path = folder / "t.yaml"
    path.write_text(text)
    return str(path)


def test_a_file_gives_free_edges_with_their_quality(tmp_path: Path) -> None:
    shaped = "{a: n3, b: n1, delay_ms: 5, loss_percent: 1.5, rate: 20mbit}"
    topology = parse(write(tmp_path, f"nodes: 3\nlinks:\n- {shaped}\n- {{a: n1, b: n2}}\n"))
    assert topology.links[0] == Link(1, 3, "wire", 5.0, 1.5, 20_000_000)
    assert topology.links[1] == Link(1, 2)


def test_parallel_wires_of_a_pair_get_names_and_addresses_of_their_own(tmp_path: Path) -> None:
    first, second = parse(write(tmp_path, "nodes: 2\nlinks:\n- {a: n1, b: n2}\n- {a: n2, b: n1}\n")).links
    assert (first.device(1), second.device(1)) == ("e2", "e2b")
    assert first.mac(1) != second.mac(1)


def test_radio_links_are_numbered_before_wires_because_their_number_is_a_bit(tmp_path: Path) -> None:
    text = "nodes: 3\nlinks:\n- {a: n1, b: n2}\n- {a: n2, b: n3, kind: radio}\n"
    assert [link.kind for link in parse(write(tmp_path, text)).links] == ["radio", "wire"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("line", "forms:"),
        ("line:x", "forms:"),
        ("grid:3", "forms:"),
        ("radio:4:cube", "forms:"),
        ("nowhere.yaml", "forms:"),
        ("line:0", "possible are 1 to"),
        (f"line:{MAX_NODES + 1}", "possible are 1 to"),
        ("radio:20:full", "radio links"),
    ],
)
def test_a_wrong_form_is_refused_with_what_is_possible(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "a topology has"),
        ("nodes: 2", "a topology has"),
        ("nodes: two\nlinks: []", "number of nodes"),
        ("nodes: 2\nlinks: []\nlink: []", "unknown key link"),
        ("nodes: 2\nlinks: [1]", "link 1: a link is"),
        ("nodes: 2\nlinks: [{a: n1, b: n3}]", "no link n1 - n3"),
        ("nodes: 2\nlinks: [{a: n1, b: n1}]", "no link n1 - n1"),
        ("nodes: 2\nlinks: [{a: n1, b: 2}]", "an end is a node's name"),
        ("nodes: 2\nlinks: [{a: n1, b: n2, delay: 3}]", "unknown key delay"),
        ("nodes: 2\nlinks: [{a: n1, b: n2, loss_percent: 101}]", "from 0 to 100"),
        ("nodes: 2\nlinks: [{a: n1, b: n2, rate: fast}]", "20mbit"),
        ("nodes: 2\nlinks: [{a: n1, b: n2, kind: cable}]", "machines are joined by cables"),
        ("nodes: 2\nmachines: true\nlinks: [{a: n1, b: n2, kind: wire}]", "machines are joined by cables"),
        ("nodes: 2\nlinks: [{a: n1, b: n2, kind: radio}, {a: n2, b: n1, kind: radio}]", "one radio each"),
    ],
)
def test_a_wrong_file_is_refused_by_what_is_wrong_in_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(write(tmp_path, text))


def test_the_links_between_two_nodes_are_found_from_either_end() -> None:
    topology = parse("ring:5")
    for a, b in product(range(1, 6), repeat=2):
        assert topology.between(a, b) == topology.between(b, a)
    assert topology.between(1, 3) == []


def test_an_unknown_node_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="n1, n2, n3"):
        parse("line:3").number("n4")
