# SPDX-License-Identifier: Apache-2.0
"""Faults of the machine, injected from outside: found in time, rightly named and treated, left alone once
healthy. Told by the machine's own files, not by the agent alone.

Heat is a file that stands in for a sensor: an emulated machine has none.
"""

from __future__ import annotations

import logging
import time

import pytest

from tests.lab.waits import until
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.faults import clock_wrong
from tools.lab.faults.thermal import HEAT
from tools.lab.guest.systemd import NAME as UNIT
from tools.lab.story import Event

log = logging.getLogger("x0.test")

FOUND_S = 30.0  # the machine is looked at every 5 s, a sign must hold for some seconds
HEALED_S = 60.0
COOLED_S = 40.0  # an agent that rests looks every 10 s
QUIET_S = 12.0  # two looks at the machine after it was healed
LATE_S = 60.0  # clocks of the machines differ by less
RIGHT_S = 2.0  # a clock that is put back loses what the act takes
FILLED_S = 150.0  # filling the memory of an emulated machine


def about(fault: str, event: str = "diagnosis", result: str = "") -> story.Wanted:
    return lambda e: (
        e.event == event and e.fields.get("fault") == fault and (not result or e.fields["result"] == result)
    )


def begun(name: str) -> story.Wanted:
    return lambda e: e.event == "action" and e.message.startswith(f"begins: {name} on ")


def timed(fault: str, since: float, **events: Event) -> None:
    told = ", ".join(f"{word} {event.at - since:.1f} s" for word, event in events.items())
    log.info("%s: %s", fault, told)


def left_alone(lab: Lab, node: str, since: float) -> None:
    """Nothing is done any more on the node for QUIET_S after it was healed."""
    until(lambda: lab.health(node) == "healthy", f"{node} healthy", HEALED_S, 0.5)
    time.sleep(max(0.0, since + QUIET_S - time.time()))
    until_now = time.time() + LATE_S  # not what was logged while the clock was ahead
    told = story.events(lab, (node,), since)
    later = [e for e in told if e.event == "action" and since < e.at < until_now]
    assert later == [], "left alone once healthy"


def test_a_full_disk_is_made_room_on_by_dropping_the_oldest_logs_only(lab_ring6: Lab) -> None:
    lab, node = lab_ring6, "n3"
    made = lab.inject("disk-full", node)
    found = story.wait_for(lab, about("disk-full"), made.at, FOUND_S, (node,))
    assert found.fields["subject"] == "host/disk"
    act = story.wait_for(lab, begun("drop-old-logs"), made.at, FOUND_S, (node,))
    healed = story.wait_for(lab, about("disk-full", "outcome", "healed"), made.at, HEALED_S, (node,))
    timed("disk-full", made.at, found=found, acted=act, healed=healed)
    left = set(lab.exec(node, "ls", "/var/log").stdout.split())
    assert left == {"syslog", "syslog.1", "syslog.2", "recording.bin"}
    left_alone(lab, node, healed.at)


@pytest.mark.long
def test_a_hot_node_rests_until_it_is_cooler(lab_ring6: Lab) -> None:
    lab, node = lab_ring6, "n5"
    made = lab.inject("thermal", node)
    found = story.wait_for(lab, about("thermal"), made.at, FOUND_S, (node,))
    assert found.fields["subject"] == "host/heat"
    act = story.wait_for(lab, begun("rest"), made.at, FOUND_S, (node,))
    lab.exec(node, "sh", "-c", f"echo 70000 >{HEAT}")
    healed = story.wait_for(lab, about("thermal", "outcome", "healed"), made.at, COOLED_S, (node,))
    timed("thermal", made.at, found=found, acted=act, healed=healed)
    left_alone(lab, node, healed.at)


@pytest.mark.long
def test_a_service_that_eats_the_memory_is_restarted(lab_vm2: Lab) -> None:
    lab, node = lab_vm2, "n1"
    pids = set(lab.exec(node, "pidof", "mosquitto").stdout.split())
    made = lab.inject("memory-pressure", node)
    found = story.wait_for(lab, about("memory-pressure"), made.at, FILLED_S, (node,))
    assert found.fields["subject"] == "host/memory"
    assert "mosquitto" in found.message
    act = story.wait_for(lab, begun("restart-service"), made.at, FOUND_S, (node,))
    healed = story.wait_for(lab, about("memory-pressure", "outcome", "healed"), made.at, HEALED_S, (node,))
    timed("memory-pressure", found.at, acted=act, healed=healed)
    assert not set(lab.exec(node, "pidof", "mosquitto").stdout.split()) & pids
    left_alone(lab, node, healed.at)


@pytest.mark.long
def test_a_neighbour_table_that_is_full_is_given_a_higher_limit_and_gets_its_own_back(lab_vm2: Lab) -> None:
    lab, node = lab_vm2, "n1"

    def limit() -> int:
        return int(lab.exec(node, "cat", "/proc/sys/net/ipv4/neigh/default/gc_thresh3").stdout)

    made = lab.inject("neigh-overflow", node)
    found = story.wait_for(lab, about("neigh-overflow"), made.at, FOUND_S, (node,))
    assert found.fields["subject"] == "host/neighbour-table"
    act = story.wait_for(lab, begun("raise-neighbour-limit"), made.at, FOUND_S, (node,))
    mended = story.wait_for(lab, about("neigh-overflow", "outcome", "contained"), made.at, HEALED_S, (node,))
    assert limit() == 1024
    lab.agent(node, "SIGKILL")
    until(lambda: limit() == 32, "what a killed agent raised is put back", HEALED_S)
    again = story.wait_for(
        lab, about("neigh-overflow", "outcome", "contained"), time.time(), HEALED_S * 2, (node,)
    )
    timed("neigh-overflow", made.at, found=found, acted=act, mended=mended)
    lab.clear()
    healed = story.wait_for(lab, about("neigh-overflow", "outcome", "healed"), again.at, HEALED_S, (node,))
    assert limit() == 1200, "what somebody set meanwhile is left alone"
    left_alone(lab, node, healed.at)


def jumps_and_is_put_back(lab: Lab, node: str, other: str) -> None:
    def beside() -> float:
        """Seconds this machine's clock is ahead of the other's."""
        one, two = (float(lab.exec(each, "date", "+%s.%N").stdout) for each in (node, other))
        return one - two

    before = beside()
    made = lab.inject("clock-wrong", node)
    jumped = made.at + made.took_ms / 1000
    assert beside() > clock_wrong.AHEAD_S / 2
    ahead = jumped + clock_wrong.AHEAD_S
    found = story.wait_for(lab, about("clock-wrong"), ahead - 5, FOUND_S, (node,))
    act = story.wait_for(lab, begun("set-clock-back"), ahead - 5, FOUND_S, (node,))
    until(lambda: abs(beside() - before) < RIGHT_S, "the clock is right again", HEALED_S)
    healed = story.wait_for(lab, about("clock-wrong", "outcome", "healed"), jumped, HEALED_S, (node,))
    log.info(
        "clock-wrong: found %.1f s, acted %.1f s, healed %.1f s",
        *(found.at - ahead, act.at - ahead, healed.at - jumped),
    )
    left_alone(lab, node, healed.at)


@pytest.mark.long
def test_a_clock_that_jumped_is_put_back_to_the_time_it_should_have(lab_vm2: Lab) -> None:
    jumps_and_is_put_back(lab_vm2, "n1", "n2")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_unit_s_sandbox_lets_the_clock_be_set_and_old_logs_be_removed(lab_systemd2: Lab) -> None:
    lab = lab_systemd2
    pid = lab.exec("n1", "systemctl", "show", "--value", "--property=MainPID", UNIT).stdout.strip()
    inside = ("nsenter", "-t", pid, "-m", "sh", "-c")
    lab.exec("n1", *inside, "touch /var/log/x0-test.1 && rm /var/log/x0-test.1")
    assert lab.exec("n1", *inside, "touch /etc/x0-test.1", check=False).exit, "nothing else may be written"
    jumps_and_is_put_back(lab, "n1", "n2")


@pytest.mark.long
def test_a_card_that_can_only_be_read_is_said_and_nothing_is_tried(lab_vm2: Lab) -> None:
    lab, node = lab_vm2, "n2"
    made = lab.inject("root-readonly", node)
    found = story.wait_for(lab, about("root-readonly"), made.at, FOUND_S, (node,))
    assert found.fields["subject"] == "host/root"
    assert lab.health(node) != "healthy"
    at = time.time()
    lab.clear()
    gone = story.wait_for(lab, about("root-readonly", "outcome", "gone"), at, FOUND_S, (node,))
    timed("root-readonly", made.at, found=found, gone=gone)
    acted = [e for e in story.events(lab, (node,), made.at) if e.event == "action"]
    assert acted == []
    left_alone(lab, node, gone.at)
