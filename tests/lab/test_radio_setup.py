# SPDX-License-Identifier: Apache-2.0
"""Setting radios up (802.11s, mac80211_hwsim): what is joined stays joined, what fell out comes back."""

from __future__ import annotations

import re
import time

import pytest

from tests.lab.flows import steady
from tests.lab.waits import attached, until
from tools.lab import story
from tools.lab.client import Lab

STARTED_S = 60.0  # an agent's start in the emulated machine
BACK_S = 45.0  # the keeper's look and 30 s of batman-adv's reset protection, as in test_keeper.py
GAP_S = 1.0  # whoever left the mesh and joined again is silent for longer: peering, ELP, then OGMs


def peered_s(lab: Lab, node: str) -> int:
    """For how many seconds the youngest peering of a node's radio has stood."""
    dump = lab.exec(node, "iw", "dev", "wlan0", "station", "dump").stdout
    return min((int(found) for found in re.findall(r"connected time:\s*(\d+)", dump)), default=0)


def reaches(lab: Lab, node: str, *targets: str) -> bool:
    """Does each target answer one ping?"""
    return all(
        lab.exec(node, "ping", "-c1", "-W1", f"10.77.0.{target[1:]}", check=False).exit == 0
        for target in targets
    )


def complaints(lab: Lab, node: str, since: float) -> list[str]:
    """What the node's agent said about its set-up since then."""
    return [event.message for event in story.events(lab, [node], since) if event.event == "mesh-setup"]


def test_a_killed_agents_successor_finds_the_radio_joined_and_interrupts_nothing(lab_radio4: Lab) -> None:
    lab = lab_radio4
    flow = lab.traffic_start("n1", "n2").removeprefix("traffic-")
    steady(lab, flow)
    killed = float(lab.exec("n1", "date", "+%s.%N").stdout)
    began = time.monotonic()
    lab.agent("n1", "SIGKILL")
    story.wait_for(lab, lambda event: event.event == "mesh-ready", killed, STARTED_S, ["n1"])
    until(lambda: lab.health("n1") == "healthy", "healthy again", STARTED_S)
    assert complaints(lab, "n1", killed) == []
    assert peered_s(lab, "n1") > time.monotonic() - began, "the radio never left its mesh"
    gap = lab.traffic_stop(flow)[flow].longest_gap
    assert gap is None or gap.seconds < GAP_S


@pytest.mark.long  # the core keeps the killed agent
def test_a_mesh_interface_made_anew_gets_its_radio_back_without_a_new_peering(lab_radio4: Lab) -> None:
    lab = lab_radio4
    until(lambda: reaches(lab, "n1", "n2", "n4"), "both neighbours answer before", BACK_S)
    removed = float(lab.exec("n1", "date", "+%s.%N").stdout)
    before = peered_s(lab, "n1")
    lab.exec("n1", "ip", "link", "del", "bat0")
    until(lambda: reaches(lab, "n1", "n2", "n4"), "both neighbours answer", BACK_S)
    assert attached(lab, "n1", "wlan0")
    assert peered_s(lab, "n1") > before
    assert complaints(lab, "n1", removed) == []


@pytest.mark.long  # the core keeps the killed agent
def test_a_radio_switched_off_and_on_joins_its_mesh_again(lab_radio4: Lab) -> None:
    lab = lab_radio4
    switched = float(lab.exec("n1", "date", "+%s.%N").stdout)
    lab.exec("n1", "ip", "link", "set", "wlan0", "down")
    lab.exec("n1", "ip", "link", "set", "wlan0", "up")
    until(lambda: reaches(lab, "n1", "n2", "n4"), "both neighbours answer again", BACK_S)
    assert complaints(lab, "n1", switched) == []


@pytest.mark.long  # the core keeps the killed agent
def test_a_changed_mesh_id_is_applied_by_the_next_agent(lab_radio4: Lab) -> None:
    lab = lab_radio4

    def change(old: str, new: str) -> None:
        lab.agent("n1", "stop")
        lab.exec("n1", "sed", "-i", f"s/mesh_id: {old}/mesh_id: {new}/", "/etc/x0/x0.yaml")
        lab.agent("n1", "start")
        wanted = f"x0-mesh=2412 {new}"
        until(lambda: wanted in lab.exec("n1", "ip", "link", "show", "wlan0").stdout, wanted, STARTED_S)

    try:
        change("x0lab", "elsewhere")
        until(lambda: peered_s(lab, "n1") == 0, "alone in its mesh", BACK_S)
    finally:
        change("elsewhere", "x0lab")
    until(lambda: reaches(lab, "n1", "n2", "n4"), "both neighbours answer again", BACK_S)
