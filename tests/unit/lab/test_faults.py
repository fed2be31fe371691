# SPDX-License-Identifier: Apache-2.0
"""The lab's faults as operations: what is cut, and that clearing takes back exactly what was made."""

import pytest

from tools.lab import faults
from tools.lab.errors import UsageError
from tools.lab.faults import link_fading
from tools.lab.faults.base import Target
from tools.lab.guest.deaf import SIGNS
from tools.lab.topology import parse

INVERSE = {"cut": "uncut"}


def target(text: str, node: int, peer: int | None = None) -> Target:
    return Target(parse(text), node, peer)


def test_every_file_of_the_folder_is_a_fault_with_a_sentence() -> None:
    assert {"link-dead", "node-dead", "one-way", "hardif-missing", "service-dead", "service-hung"} <= set(
        faults.catalogue()
    )
    assert all(len(fault.what.split()) > 5 for fault in faults.catalogue().values())


@pytest.mark.parametrize("fault", sorted(faults.catalogue()))
def test_every_cut_is_taken_back(fault: str) -> None:
    where = target("ring:5", 2, 3)
    made = [each for each in faults.get(fault).inject(where) if each["op"] == "cut"]
    back = [each for each in faults.get(fault).clear(where) if each["op"] == "uncut"]
    assert [{**each, "op": INVERSE[each["op"]]} for each in made] == back


def test_link_dead_deafens_both_ends() -> None:
    (operation,) = faults.get("link-dead").inject(target("line:3", 2, 1))
    assert operation == {"op": "cut", "edge": 0, "deaf": ["n1", "n2"]}


def test_one_way_deafens_only_the_node() -> None:
    (operation,) = faults.get("one-way").inject(target("line:3", 2, 3))
    assert operation == {"op": "cut", "edge": 1, "deaf": ["n2"]}


def test_one_way_on_radio_drops_what_the_peer_sent() -> None:
    (operation,) = faults.get("one-way").inject(target("radio:4", 1, 4))
    assert operation["node"] == "n1"
    assert "src_mac 02:00:00:00:03:00" in operation["argv"][-1]


def test_node_dead_cuts_every_link_and_stops_the_agent() -> None:
    made = faults.get("node-dead").inject(target("grid:3x3", 5))
    assert sum(each["op"] == "cut" for each in made) == 4
    assert made[-1] == {"op": "unit", "node": "n5", "unit": "agent", "signal": "STOP"}


def test_hardif_missing_takes_the_interface_towards_the_peer() -> None:
    (operation,) = faults.get("hardif-missing").inject(target("ring:5", 1, 5))
    assert operation["argv"][-1] == "e5"


def test_a_partition_cuts_every_link_between_the_two_parts() -> None:
    made = faults.get("partition").inject(target("ring:6", 5, 3))
    assert [each["deaf"] for each in made] == [["n2", "n3"], ["n5", "n6"]]
    with pytest.raises(UsageError, match="--peer"):
        faults.get("partition").inject(target("ring:6", 5))


def test_nodes_without_a_link_are_refused_with_the_neighbours() -> None:
    with pytest.raises(UsageError, match="n1 has links to n2, n5"):
        faults.get("link-dead").inject(target("ring:5", 1, 3))


def test_an_unknown_fault_is_refused_with_the_known() -> None:
    with pytest.raises(UsageError, match="one-way"):
        faults.get("two-way")


@pytest.mark.parametrize(
    ("fault", "until"), [("wifi-deaf", "scan"), ("wifi-deaf-hard", "rejoin"), ("wifi-deaf-stuck", "restart")]
)
def test_a_deaf_radio_is_deaf_until_its_cure(fault: str, until: str) -> None:
    assert faults.get(fault).inject(target("radio:4:ring", 2)) == [
        {"op": "deafen", "node": "n2", "until": until}
    ]
    assert until in SIGNS
    assert faults.get(fault).clear(target("radio:4:ring", 2)) == [{"op": "undeafen", "node": "n2"}]


@pytest.mark.parametrize("fault", ["link-lossy", "link-flapping", "link-fading"])
def test_the_weather_of_every_edge_between_the_two_is_calmed(fault: str) -> None:
    where = target("ring:5", 2, 3)
    made, back = faults.get(fault).inject(where), faults.get(fault).clear(where)
    assert [each["op"] for each in made] == ["weather"]
    assert back == [{"op": "calm", "edge": made[0]["edge"]}]


def test_a_fading_link_loses_one_percent_more_every_ten_seconds() -> None:
    (operation,) = faults.get("link-fading").inject(target("ring:5", 2, 3))
    assert operation["steps"][:3] == [[1.0, 10.0], [2.0, 10.0], [3.0, 10.0]]
    assert [link_fading.loss_percent(at) for at in (0, 9.9, 10, 195)] == [1.0, 1.0, 2.0, 20.0]
    assert not operation["repeat"]


def test_a_flapping_link_is_down_and_up_for_three_seconds_in_turn() -> None:
    (operation,) = faults.get("link-flapping").inject(target("ring:5", 2, 3))
    assert operation["steps"] == [[100.0, 3.0], [0.0, 3.0]]
    assert operation["repeat"]
