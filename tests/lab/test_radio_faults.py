# SPDX-License-Identifier: Apache-2.0
"""Radios that lose their mesh (802.11s, mac80211_hwsim): named, treated step by step, then left alone.

What hwsim cannot show: a receiver that fails. The deaf radio is cut off from the air, and hears again when
the kernel tells of what would have reset it (tools/lab/guest/deaf.py).
"""

from __future__ import annotations

import time

import pytest

from tests.lab.waits import until
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.story import Event

pytestmark = pytest.mark.long

FOUND_S = 20.0  # five seconds of silence, counted once a beat on an emulated machine
ACTED_S = 30.0  # the hastened OGMs of the dead links end after six seconds first
REJOINED_S = 100.0  # sixty seconds after the onset
RESTARTED_S = 240.0  # three minutes after the onset, off for ten seconds
HEALED_S = 45.0  # peerings and ELP, and 30 s of batman-adv's reset protection where it began anew
CALM_S = 15.0
NODE, PEERS = "n1", ("n2", "n4")
CURES = ("scan-radio", "rejoin-mesh", "restart-radio")


def named(fault: str) -> story.Wanted:
    """The diagnosis, whether it came first or in place of a dead link's."""
    return lambda event: (
        event.event in ("diagnosis", "reclassified")
        and event.fields["fault"] == fault
        and event.fields["subject"] == "hardif/wlan0"
    )


def did(action: str) -> story.Wanted:
    return lambda event: event.event == "action" and action in event.message


def healed(fault: str) -> story.Wanted:
    return lambda event: (
        event.event == "outcome" and event.fields["fault"] == fault and event.fields["result"] == "healed"
    )


def cures(lab: Lab, since: float) -> list[str]:
    """What was done to radios since then, by any node, in order."""
    told = [event.message for event in story.events(lab, since=since) if event.event == "action"]
    return [cure for message in told for cure in CURES if cure in message]


def reaches(lab: Lab, *targets: str) -> bool:
    return all(
        lab.exec(NODE, "ping", "-c1", "-W1", f"10.77.0.{target[1:]}", check=False).exit == 0
        for target in targets
    )


def left_alone(lab: Lab) -> None:
    """Healthy, and nothing is done to any radio any more."""
    until(lambda: reaches(lab, *PEERS), "both neighbours answer", HEALED_S)
    until(lambda: lab.health(NODE) == "healthy", "healthy", HEALED_S)
    calm = float(lab.exec(NODE, "date", "+%s.%N").stdout)
    time.sleep(CALM_S)
    assert cures(lab, calm) == []


def treated(lab: Lab, injected: str, fault: str, last: str, within: float) -> Event:
    """The fault is found on the node alone, and healed by this step; says the times."""
    made = lab.inject(injected, NODE)
    found = story.wait_for(lab, named(fault), made.at, FOUND_S, [NODE])
    act = story.wait_for(lab, did(last), made.at, within, [NODE])
    end = story.wait_for(lab, healed(fault), made.at, HEALED_S + within, [NODE])
    print(  # noqa: T201 - the figures of the run
        f"{injected}: found after {found.at - made.at:.2f} s, {last} after {act.at - made.at:.2f} s, "
        f"healed after {end.at - made.at:.2f} s"
    )
    assert cures(lab, made.at) == list(CURES[: CURES.index(last) + 1]), (
        "each step once, in order, by n1 alone"
    )
    left_alone(lab)
    return found


def test_a_deaf_radio_scans_and_hears_again(lab_radio4: Lab) -> None:
    found = treated(lab_radio4, "wifi-deaf", "wifi-deaf", "scan-radio", ACTED_S)
    assert "all 2 neighbours fell silent at once" in found.message


@pytest.mark.timeout(400)
def test_a_radio_that_a_scan_does_not_cure_joins_its_mesh_anew(lab_radio4: Lab) -> None:
    treated(lab_radio4, "wifi-deaf-hard", "wifi-deaf", "rejoin-mesh", REJOINED_S)


@pytest.mark.timeout(600)
def test_a_radio_that_nothing_else_cures_is_switched_off_and_on(lab_radio4: Lab) -> None:
    treated(lab_radio4, "wifi-deaf-stuck", "wifi-deaf", "restart-radio", RESTARTED_S)


@pytest.mark.timeout(400)
def test_a_radio_that_hears_and_has_no_peer_joins_its_mesh_anew(lab_radio4: Lab) -> None:
    found = treated(lab_radio4, "mesh-lost-ap-ok", "mesh-lost-ap-ok", "rejoin-mesh", REJOINED_S)
    assert "heard, but not peered with" in found.message


def test_a_dead_node_is_no_deaf_radio(lab_radio4: Lab) -> None:
    lab = lab_radio4
    made = lab.inject("node-dead", "n3")
    time.sleep(FOUND_S)
    assert [event for event in story.events(lab, since=made.at) if named("wifi-deaf")(event)] == []
    assert cures(lab, made.at) == []
