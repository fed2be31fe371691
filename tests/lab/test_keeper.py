# SPDX-License-Identifier: Apache-2.0
"""The keeper on a real kernel, witnessed by batctl, ip and traffic."""

import time
from collections.abc import Callable

from tools.lab.client import Lab

SETTLED_S = 30.0  # for the keeper's next look (10 s) under TCG


def until(condition: Callable[[], bool], what: str) -> None:
    """Return when it holds."""
    deadline = time.monotonic() + SETTLED_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {SETTLED_S:g} s"


def batctl(lab: Lab, node: str, *argv: str) -> str:
    """What batctl prints."""
    return str(lab.exec(node, "batctl", *argv).stdout).strip()


def test_the_mesh_stands_as_configured_with_the_dummy_as_primary(lab_ring6: Lab) -> None:
    mesh = lab_ring6.json("n1", "batctl", "-j", "meshif", "bat0", "mesh_json")
    primary = lab_ring6.json("n1", "ip", "-j", "link", "show", "x0prim")[0]
    assert mesh["hard_ifname"] == "x0prim"
    assert mesh["hard_address"] == primary["address"]
    assert mesh["algo_name"] == "BATMAN_V"
    assert mesh["bridge_loop_avoidance_enabled"] is False
    assert mesh["orig_interval"] == 300
    for name in ("e2", "e6"):
        link = lab_ring6.json("n1", "ip", "-j", "link", "show", name)[0]
        assert (link["master"], link["mtu"]) == ("bat0", 1532)
        assert batctl(lab_ring6, "n1", "hardif", name, "elp_interval") == "150"
        assert batctl(lab_ring6, "n1", "hardif", name, "throughput_override") == "1000.0 MBit"


def test_an_agents_restart_interrupts_no_traffic(lab_ring6: Lab) -> None:
    before = lab_ring6.json("n1", "ip", "-j", "link", "show", "bat0")[0]["ifindex"]
    flow = lab_ring6.traffic_start("n1", "n4", 0.05)
    lab_ring6.agent("n1", "restart")
    until(lambda: lab_ring6.traffic_report(flow)[flow].received >= 100, "a hundred answers")
    assert lab_ring6.traffic_stop(flow)[flow].lost == 0
    assert lab_ring6.json("n1", "ip", "-j", "link", "show", "bat0")[0]["ifindex"] == before


def test_timers_changed_by_hand_come_back_to_rest(lab_ring6: Lab) -> None:
    batctl(lab_ring6, "n1", "meshif", "bat0", "orig_interval", "5000")
    until(lambda: batctl(lab_ring6, "n1", "meshif", "bat0", "orig_interval") == "300", "OGM interval at rest")


def test_a_removed_mesh_interface_is_made_again(lab_ring6: Lab) -> None:
    lab_ring6.exec("n1", "ip", "link", "del", "bat0")
    until(
        lambda: lab_ring6.exec("n1", "ping", "-c1", "-W1", "10.77.0.4", check=False).exit == 0,
        "the mesh made anew carries traffic",
    )
    assert lab_ring6.json("n1", "batctl", "-j", "meshif", "bat0", "mesh_json")["hard_ifname"] == "x0prim"
