# SPDX-License-Identifier: Apache-2.0
"""The keeper on a real kernel, witnessed by batctl, ip and traffic."""

import pytest

from tests.lab.waits import until
from tools.lab.client import Lab

SETTLED_S = 30.0  # for the keeper's next look (10 s) under TCG
# Sequence numbers that begin anew are taken at once, but not twice within 30 s (BATADV_RESET_PROTECTION_MS),
# as when an old message comes round the ring last; before that the keeper's look (10 s). Seen: 6 s in all.
ANEW_S = 45.0
# An interrupted mesh is silent for seconds (batman-adv needs 4.5 s around a dead link, 30 s to learn a node
# anew) and loses what was sent. Answers that only come late are the emulator's: it starts a Python meanwhile.
LATE_S = 1.0


def batctl(lab: Lab, node: str, *argv: str) -> str:
    """What batctl prints."""
    return str(lab.exec(node, "batctl", *argv).stdout).strip()


def test_the_mesh_stands_as_configured_with_the_dummy_as_primary(lab_ring6: Lab) -> None:
    mesh = lab_ring6.json("n1", "batctl", "meshif", "bat0", "mesh_json")
    primary = lab_ring6.json("n1", "ip", "-j", "link", "show", "x0prim")[0]
    assert mesh["hard_ifname"] == "x0prim"
    assert mesh["hard_address"] == primary["address"]
    assert mesh["algo_name"] == "BATMAN_V"
    assert mesh["bridge_loop_avoidance_enabled"] is False
    until(
        lambda: batctl(lab_ring6, "n1", "meshif", "bat0", "orig_interval") == "300",
        "OGM interval at rest",
        SETTLED_S,
    )
    for name in ("e2", "e6"):
        link = lab_ring6.json("n1", "ip", "-j", "link", "show", name)[0]
        assert link["master"] == "bat0"
        assert link["mtu"] >= 1532, "nothing is fragmented"
        assert batctl(lab_ring6, "n1", "hardif", name, "elp_interval") == "150"
        assert batctl(lab_ring6, "n1", "hardif", name, "throughput_override") == "1000.0 MBit"


@pytest.mark.long  # in `make test` all agents are killed at once (test_healing.py)
def test_an_agents_restart_interrupts_no_traffic(lab_ring6: Lab) -> None:
    before = lab_ring6.json("n1", "ip", "-j", "link", "show", "bat0")[0]["ifindex"]
    flow = lab_ring6.traffic_start("n1", "n4", 0.05)
    flow = flow.removeprefix("traffic-")
    until(lambda: lab_ring6.traffic_report(flow)[flow].received >= 20, "answers before", SETTLED_S)
    lab_ring6.agent("n1", "stop")
    lab_ring6.agent("n1", "start")
    until(lambda: lab_ring6.health("n1") == "healthy", "healthy again", SETTLED_S)
    until(lambda: lab_ring6.traffic_report(flow)[flow].received >= 100, "a hundred answers", SETTLED_S)
    # The newest request may still be on its way; one that was lost stays lost.
    until(lambda: lab_ring6.traffic_report(flow)[flow].lost == 0, "an answer to every request", SETTLED_S)
    longest = lab_ring6.traffic_stop(flow)[flow].longest_gap
    assert longest is None or longest.seconds < LATE_S
    assert lab_ring6.json("n1", "ip", "-j", "link", "show", "bat0")[0]["ifindex"] == before


@pytest.mark.long  # in `make test` beside a node that observes (test_bad_input.py)
def test_timers_changed_by_hand_come_back_to_rest(lab_ring6: Lab) -> None:
    batctl(lab_ring6, "n1", "meshif", "bat0", "orig_interval", "5000")
    until(
        lambda: batctl(lab_ring6, "n1", "meshif", "bat0", "orig_interval") == "300",
        "OGM interval at rest",
        SETTLED_S,
    )


@pytest.mark.long  # in `make test` bat0 is removed again and again (test_bad_input.py)
def test_a_removed_mesh_interface_is_made_again_as_it_was(lab_ring6: Lab) -> None:
    def reaches(source: str, target: str) -> bool:
        return lab_ring6.exec(source, "ping", "-c1", "-W1", target, check=False).exit == 0

    # n4 keeps n1's old MAC in its ARP cache, the mesh in its distributed ARP table: both must stay true
    until(lambda: reaches("n4", "10.77.0.1"), "n4 reaches n1 before", SETTLED_S)
    before = lab_ring6.json("n1", "ip", "-j", "link", "show", "bat0")[0]
    lab_ring6.exec("n1", "ip", "link", "del", "bat0")
    until(lambda: reaches("n1", "10.77.0.4"), "the mesh made anew carries traffic", ANEW_S)
    until(lambda: reaches("n4", "10.77.0.1"), "n4 reaches n1, who was made anew", ANEW_S)
    after = lab_ring6.json("n1", "ip", "-j", "link", "show", "bat0")[0]
    assert after["ifindex"] != before["ifindex"], "it is another one"
    assert after["address"] == before["address"]
    mesh = lab_ring6.json("n1", "batctl", "meshif", "bat0", "mesh_json")
    primary = lab_ring6.json("n1", "ip", "-j", "link", "show", "x0prim")[0]
    assert mesh["hard_ifname"] == "x0prim"
    assert mesh["hard_address"] == primary["address"]
