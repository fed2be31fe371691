# SPDX-License-Identifier: Apache-2.0
"""Radios that lose their mesh (802.11s, mac80211_hwsim): named, treated step by step, then left alone.

What hwsim cannot show: a receiver that fails. The deaf radio is cut off from the air, and hears again when
the kernel tells of what would have reset it (tools/lab/guest/deaf.py). Each test breaks another node: what
returns is treated later each time.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

import pytest

from tests.lab.flows import steady
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
REROUTED_S = 12.0  # found by echoes in two seconds, then five OGM intervals
ASSOCIATED_S = 20.0
BACK_S = 45.0  # echoes answered for two seconds, then five OGM intervals; relapses wait longer
CURES = ("scan-radio", "rejoin-mesh", "restart-radio")


def named(fault: str, subject: str = "hardif/wlan0") -> story.Wanted:
    """The diagnosis, whether it came first or in place of a dead link's."""
    return lambda event: (
        event.event in ("diagnosis", "reclassified")
        and event.fields["fault"] == fault
        and event.fields["subject"] == subject
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


def neighbours(lab: Lab, node: str) -> list[str]:
    number = lab.topology.number(node)
    return [f"n{link.other(number)}" for _, link in lab.topology.links_of(number)]


def reaches_all(lab: Lab, node: str) -> bool:
    return all(
        lab.exec(node, "ping", "-c1", "-W1", f"10.77.0.{other[1:]}", check=False).exit == 0
        for other in neighbours(lab, node)
    )


def now(lab: Lab, node: str) -> float:
    return float(lab.exec(node, "date", "+%s.%N").stdout)


def left_alone(lab: Lab, node: str) -> None:
    """Healthy, and nothing is done to any radio any more."""
    until(lambda: reaches_all(lab, node), "both neighbours answer", HEALED_S)
    until(lambda: lab.health(node) == "healthy", "healthy", HEALED_S)
    calm = now(lab, node)
    time.sleep(CALM_S)
    assert cures(lab, calm) == []


def treated(lab: Lab, node: str, injected: str, fault: str, last: str, within: float) -> Event:
    """The fault is found on the node alone, and healed by this step; says the times."""
    until(lambda: reaches_all(lab, node), "both neighbours answer before", HEALED_S)
    made = lab.inject(injected, node)
    found = story.wait_for(lab, named(fault), made.at, FOUND_S, [node])
    act = story.wait_for(lab, did(last), made.at, within, [node])
    end = story.wait_for(lab, healed(fault), made.at, HEALED_S + within, [node])
    print(  # noqa: T201 - the figures of the run
        f"{injected}: found after {found.at - made.at:.2f} s, {last} after {act.at - made.at:.2f} s, "
        f"healed after {end.at - made.at:.2f} s"
    )
    steps = list(CURES[: CURES.index(last) + 1])
    assert cures(lab, made.at) == steps, f"each step once, in order, by {node} alone"
    left_alone(lab, node)
    return found


def test_a_deaf_radio_scans_and_hears_again(lab_radio4: Lab) -> None:
    found = treated(lab_radio4, "n1", "wifi-deaf", "wifi-deaf", "scan-radio", ACTED_S)
    assert "all 2 neighbours fell silent at once" in found.message


@pytest.mark.timeout(400)
def test_a_radio_that_a_scan_does_not_cure_joins_its_mesh_anew(lab_radio4: Lab) -> None:
    treated(lab_radio4, "n2", "wifi-deaf-hard", "wifi-deaf", "rejoin-mesh", REJOINED_S)


@pytest.mark.timeout(600)
def test_a_radio_that_nothing_else_cures_is_switched_off_and_on(lab_radio4: Lab) -> None:
    treated(lab_radio4, "n3", "wifi-deaf-stuck", "wifi-deaf", "restart-radio", RESTARTED_S)


@contextlib.contextmanager
def client(lab: Lab, node: str, guest: str) -> Iterator[None]:
    """An access point on the radio of a node, and a client of it on the radio of another."""
    settings = "interface=ap0\ndriver=nl80211\nssid=x0ap\nhw_mode=g\nchannel=1\n"
    lab.exec(node, "sh", "-c", "iw dev wlan0 interface add ap0 type __ap addr 02:00:00:00:a0:00")
    lab.exec(guest, "sh", "-c", "iw dev wlan0 interface add sta0 type managed addr 02:00:00:00:a1:00")
    try:
        lab.exec(node, "sh", "-c", "cat > /tmp/ap.conf; hostapd -B /tmp/ap.conf", stdin=settings.encode())
        lab.exec(guest, "ip", "link", "set", "sta0", "up")
        lab.exec(guest, "iw", "dev", "sta0", "connect", "x0ap", "2412")
        until(lambda: connected_s(lab, node) > 0, "the client is there", ASSOCIATED_S)
        yield
    finally:
        lab.exec(node, "pkill", "hostapd", check=False)
        for where, device in ((node, "ap0"), (guest, "sta0")):
            lab.exec(where, "iw", "dev", device, "del", check=False)


def connected_s(lab: Lab, node: str) -> int:
    """For how long the access point's client has been there, 0 where there is none."""
    dump = lab.exec(node, "iw", "dev", "ap0", "station", "dump").stdout
    return max((int(found) for found in re.findall(r"connected time:\s*(\d+)", dump)), default=0)


@pytest.mark.timeout(400)
def test_a_radio_without_mesh_peers_joins_anew_and_its_access_points_client_stays(lab_radio4: Lab) -> None:
    lab = lab_radio4
    with client(lab, "n4", "n3"):
        began = now(lab, "n4")
        found = treated(lab, "n4", "mesh-lost-ap-ok", "mesh-lost-ap-ok", "rejoin-mesh", REJOINED_S)
        assert "heard, but not peered with" in found.message
        assert connected_s(lab, "n4") >= int(now(lab, "n4") - began)


def test_a_dead_node_is_no_deaf_radio(lab_radio4: Lab) -> None:
    lab = lab_radio4
    made = lab.inject("node-dead", "n3")
    time.sleep(FOUND_S)
    assert [event for event in story.events(lab, since=made.at) if named("wifi-deaf")(event)] == []
    assert cures(lab, made.at) == []


@pytest.mark.timeout(400)
def test_traffic_leaves_a_one_way_radio_link_and_returns_when_it_is_whole(lab_radio4: Lab) -> None:
    lab = lab_radio4
    lab.traffic_start("n1", "n2")
    steady(lab, "n1-n2")
    until(lambda: lab.path("n1", "n2") == ["n1", "n2"], "the direct way", HEALED_S)
    made = lab.inject("one-way", "n1", "n2")
    act = story.wait_for(lab, did("mute-neighbour"), made.at, REROUTED_S)
    steady(lab, "n1-n2")
    gap = lab.traffic_report("n1-n2")["n1-n2"].gap_after(made.at)
    assert gap is not None, "the direct way was not used"
    assert gap.seconds < REROUTED_S
    assert lab.path("n1", "n2") == ["n1", "n4", "n3", "n2"]
    lab.clear()
    cleared = now(lab, "n1")
    until(lambda: lab.path("n1", "n2") == ["n1", "n2"], "the direct way again", BACK_S, every=1.0)
    print(  # noqa: T201 - the figures of the run
        f"one-way on a radio: mute-neighbour after {act.at - made.at:.2f} s, gap {gap.seconds:.2f} s, "
        f"direct again {now(lab, 'n1') - cleared:.0f} s after it was whole"
    )
