# SPDX-License-Identifier: Apache-2.0
"""Radios (802.11s, mac80211_hwsim): a neighbour that falls silent is found by its beacons and passed by."""

from __future__ import annotations

from tests.lab.flows import steady
from tools.lab import story
from tools.lab.client import Lab

FOUND_S = 5.0
GAP_S = 4.0  # batman-adv alone: 4.6 s and more


def test_a_silent_radio_neighbour_is_found_and_passed_by_without_taking_the_radio_out(
    lab_radio4: Lab,
) -> None:
    lab = lab_radio4
    lab.traffic_start("n1", "n3")
    steady(lab, "n1-n3")
    first, second = lab.path("n1", "n3")[:2]
    made = lab.inject("link-dead", first, second)
    found = story.wait_for(lab, lambda e: e.event == "diagnosis", made.at, FOUND_S, (first, second))
    assert found.fields["subject"].startswith("hardif/wlan0/")
    steady(lab, "n1-n3")
    gap = lab.traffic_report("n1-n3")["n1-n3"].gap_after(made.at)
    assert gap is not None, "the cut was not on the way"
    assert gap.seconds <= GAP_S
    for node in (first, second):
        table = lab.exec(node, "batctl", "meshif", "bat0", "interface").stdout
        assert "wlan0: active" in table, "other neighbours depend on this radio"
