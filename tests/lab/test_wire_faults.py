# SPDX-License-Identifier: Apache-2.0
"""Faults of wires and of the mesh interface: found, rightly named, mended, then left alone. Told by ping, ip
and batctl, not by the agent alone."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.faults.metric_wrong import SETTLED_S
from tests.lab.conftest import OFTEN, Labs
from tests.lab.flows import steady
from tests.lab.test_healing import (
    BEFORE_S,
    HEALED_S,
    NAMED_S,
    action,
    actions,
    diagnosed,
    healed,
    left_alone,
    wait_whole,
)
from tests.lab.waits import attached, best, until
from tools.lab import lifecycle, story
from tools.lab.client import Lab

log = logging.getLogger("x0.test")

FOUND_S = 6.0  # the kernel tells of a link's change at once; an emulated machine is slow all the same
METRIC_S = 10.0  # two dumps, a second apart
MEASURED_S = 90.0  # 10 to 40 s after the wire came, at the next look; agents start slowly here
RATE_KBIT = 4000  # of the shaped wire; much less than an emulated machine can push
LARGE = "1450"  # bytes of ping: with batman-adv's header more than 1,400


def device(lab: Lab, node: str, name: str) -> dict[str, object]:
    """The interface as `ip` shows it."""
    found: dict[str, object] = lab.json(node, "ip", "-j", "link", "show", name)[0]
    return found


def passes(lab: Lab, source: str, address: str, size: str = "56") -> bool:
    """Do pings of so many bytes of payload arrive?"""
    return lab.exec(source, "ping", "-c1", "-W1", "-s", size, address, check=False).exit == 0


def override(lab: Lab, node: str, name: str) -> str:
    """What batctl says of the wire's throughput."""
    return str(lab.exec(node, "batctl", "hardif", name, "throughput_override").stdout).strip()


def found(lab: Lab, fault: str, node: str, since: float, within: float = FOUND_S) -> story.Event:
    """The node's diagnosis."""
    event = story.wait_for(lab, diagnosed(fault), since, within, (node,))
    log.info("%s: named %.2f s after", fault, event.at - since)
    return event


def mended(lab: Lab, fault: str, node: str, since: float) -> float:
    """When the node said so."""
    at = healed(lab, node, since, fault)
    log.info("%s: healed %.2f s after, by %s", fault, at - since, actions(lab, since)[0].message)
    return at


def test_an_interface_that_takes_only_small_packets_takes_large_ones_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    made = lab.inject("mtu-small", "n2", "n3")
    assert found(lab, "mtu-small", "n2", made.at).fields["subject"] == "hardif/e3"
    action(lab, "n2", "raise-mtu", made.at)
    done = mended(lab, "mtu-small", "n2", made.at)
    assert device(lab, "n2", "e3")["mtu"] == 1532
    until(lambda: passes(lab, "n3", "10.77.0.2", LARGE), "large pings pass", NAMED_S)
    left_alone(lab, done)


@pytest.mark.long
def test_while_healing_is_paused_large_pings_die_and_small_ones_pass(lab_ring6: Lab) -> None:
    """That the fault is one: n3 sends full packets, n2 does not take them."""
    lab = lab_ring6
    lab.exec("n2", "python3", "-m", "agent.cli.main", "pause", "5m")
    until(lambda: best(lab, "n3", "n2") == "e2", "the way from n3 to n2 is the wire", HEALED_S)
    until(lambda: passes(lab, "n3", "10.77.0.2", LARGE), "large pings pass before", NAMED_S)
    made = lab.inject("mtu-small", "n2", "n3")
    found(lab, "mtu-small", "n2", made.at)
    assert not passes(lab, "n3", "10.77.0.2", LARGE)
    assert passes(lab, "n3", "10.77.0.2")
    assert actions(lab, made.at) == []
    lab.exec("n2", "python3", "-m", "agent.cli.main", "resume")
    mended(lab, "mtu-small", "n2", made.at)
    until(lambda: passes(lab, "n3", "10.77.0.2", LARGE), "large pings pass again", NAMED_S)


@pytest.mark.long
def test_a_wire_said_to_be_slow_gets_its_configured_speed_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.traffic_start("n2", "n3")
    steady(lab, "n2-n3", BEFORE_S)
    made = lab.inject("metric-wrong", "n2", "n3")
    named = found(lab, "metric-wrong", "n2", made.at, METRIC_S)
    assert named.fields["subject"] == "hardif/e3"
    action(lab, "n2", "set-throughput", made.at)
    done = mended(lab, "metric-wrong", "n2", made.at)
    assert override(lab, "n2", "e3") == "1000.0 MBit"
    until(lambda: best(lab, "n2", "n3") == "e3", "the wire is used again", HEALED_S)
    left_alone(lab, done)
    steady(lab, "n2-n3")


@pytest.mark.long
def test_of_two_interfaces_with_one_address_the_changed_one_gets_its_own_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    before = device(lab, "n2", "e3")["address"]
    made = lab.inject("mac-duplicate", "n2", "n3")
    assert device(lab, "n2", "e1")["address"] != before
    assert found(lab, "mac-duplicate", "n2", made.at).fields["subject"] == "hardif/e3"
    action(lab, "n2", "set-mac", made.at)
    done = mended(lab, "mac-duplicate", "n2", made.at)
    assert device(lab, "n2", "e3")["address"] == before
    until(lambda: best(lab, "n3", "n2") == "e2", "n3 uses the wire again", HEALED_S)
    assert {event.message.split()[1] for event in actions(lab, made.at)} == {"set-mac"}
    left_alone(lab, done)


@pytest.mark.long
def test_a_neighbour_with_our_address_is_named_and_no_address_is_changed(lab_ring6: Lab) -> None:
    lab = lab_ring6
    made = lab.inject("mac-stolen", "n2", "n3")
    story.wait_for(lab, diagnosed("mac-duplicate"), made.at, HEALED_S, ("n2", "n3"))
    assert "set-mac" not in {event.message.split()[1] for event in actions(lab, made.at)}
    lab.clear()
    wait_whole(lab)


@pytest.mark.long
def test_a_removed_mesh_interface_is_named_and_whole_again(spent_lab: Lab) -> None:
    """The others refuse the node's messages for up to 30 s where its sequence numbers begin anew."""
    lab = spent_lab
    made = lab.inject("mesh-if-missing", "n1")
    assert found(lab, "mesh-if-missing", "n1", made.at).fields["subject"] == "mesh/bat0"
    done = mended(lab, "mesh-if-missing", "n1", made.at)
    assert attached(lab, "n1", "e2")
    assert attached(lab, "n1", "e6")
    mine = [event for event in actions(lab, made.at) if event.node == "n1"]
    assert {event.message.split()[1] for event in mine} <= {"set-up-mesh"}
    until(lambda: passes(lab, "n1", "10.77.0.4"), "n1 is in the mesh again", HEALED_S + 15.0)
    assert done - made.at < HEALED_S


@pytest.mark.long
def test_a_mesh_interface_switched_off_is_switched_on_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    made = lab.inject("mesh-if-down", "n1")
    found(lab, "mesh-if-missing", "n1", made.at)
    action(lab, "n1", "set-up-mesh", made.at)
    done = mended(lab, "mesh-if-missing", "n1", made.at)
    until(lambda: passes(lab, "n1", "10.77.0.4"), "n1 is in the mesh again", HEALED_S)
    left_alone(lab, done)


@pytest.mark.long
def test_a_radio_whose_interface_is_gone_gets_it_again_and_joins_the_mesh(lab_radio4: Lab) -> None:
    lab = lab_radio4
    made = lab.inject("radio-missing", "n2")
    named = found(lab, "mesh-if-missing", "n2", made.at, 2 * FOUND_S)
    assert named.fields["subject"] == "hardif/wlan0"
    action(lab, "n2", "make-radio", made.at, 2 * FOUND_S)
    mended(lab, "mesh-if-missing", "n2", made.at)
    until(lambda: attached(lab, "n2", "wlan0"), "the radio is in the mesh", HEALED_S)
    until(lambda: passes(lab, "n2", "10.77.0.1"), "n2 is in the mesh again", 2 * HEALED_S)


PARALLEL = "nodes: 2\nlinks: [{a: n1, b: n2}, {a: n1, b: n2}]\n"
SHAPED = f"nodes: 2\nlinks: [{{a: n1, b: n2, rate: {RATE_KBIT}kbit}}]\n"


@pytest.fixture
def own(labs: Labs, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab of a topology of the test's own: (its text, further configuration)."""
    text, more = request.param
    labs.end()
    (tmp_path / "topology.yaml").write_text(text)
    name = f"own-{os.getpid()}"
    lab = lifecycle.up(str(tmp_path / "topology.yaml"), name=name, agents=True, overrides=OFTEN | more)
    try:
        yield lab
    finally:
        lifecycle.down(name)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("own", [(PARALLEL, {"mesh.bonding": True})], indirect=True)
def test_with_bonding_one_of_two_parallel_wires_carries_on_alone(own: Lab) -> None:
    """They do not share (decision 0011): that the other takes over is what can be had."""
    lab = own
    assert lab.json("n1", "batctl", "meshif", "bat0", "mesh_json")["bonding_enabled"] is True
    lab.traffic_start("n1", "n2")
    steady(lab, "n1-n2", BEFORE_S)
    made = lab.inject("wire-dead", "n1", "n2")
    story.wait_for(lab, diagnosed("link-dead"), made.at, FOUND_S, ("n1", "n2"))
    steady(lab, "n1-n2")
    gap = lab.traffic_report("n1-n2")["n1-n2"].gap_after(made.at)
    log.info("bonding, one wire cut: %s", gap)
    assert gap is None or gap.seconds < 3.0, "the wire in use is out of the mesh"
    assert attached(lab, "n1", "e2")
    lab.clear()
    wait_whole(lab)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("own", [(SHAPED, {})], indirect=True)
def test_a_wire_is_measured_and_batman_adv_told_what_it_carries(own: Lab) -> None:
    lab = own
    lab.exec("n1", "sed", "-i", "s/throughput: 1000000/throughput: measure/", "/etc/x0/x0.yaml")
    begun = time.time()
    lab.agent("n1", "stop")
    lab.agent("n1", "start")
    result = story.wait_for(lab, lambda e: e.event == "measured", begun, MEASURED_S, ("n1",))
    kbit = int(result.fields["kbit"])
    log.info("a wire of %d kbit/s was measured as %d", RATE_KBIT, kbit)
    assert RATE_KBIT / 2 <= kbit <= RATE_KBIT * 2
    until(lambda: override(lab, "n1", "e2") == f"{kbit / 1000:.1f} MBit", "batman-adv is told", NAMED_S)
    told = time.time()
    left_alone(lab, told, SETTLED_S + METRIC_S)  # only then would a figure of our own be called wrong
    assert actions(lab, result.at) == []
    assert override(lab, "n1", "e2") == f"{kbit / 1000:.1f} MBit"
