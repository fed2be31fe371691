# SPDX-License-Identifier: Apache-2.0
"""The agent on a real kernel: interfaces that vanish while read, floods on the hello port, full disks, and a
node that only looks."""

from __future__ import annotations

import functools
import json
import time

import pytest
import yaml

from tests.lab import waits
from tests.lab.waits import attached
from tools.lab import story
from tools.lab.client import Lab

WITHIN_S = 40.0
KEEPER_S = 12.0  # its look comes every 10 s
REBIRTH_S = 60.0  # others take sequence numbers that begin anew for a replay, for 30 s (batman-adv)
FLOOD = 10_000
GROWTH_KB = 3000
LOG_BYTES = 64 * 1024  # what a flood may add to the log
STATE = "/var/lib/x0"
CONFIG = "/etc/x0/x0.yaml"
FLOODER = """
import os, random, socket, sys
name, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 25, name.encode())
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
index = socket.if_nametoindex(name)
sizes = (0, 1, 40, 1200, 1201, 1400)
for number in range(count):
    s.sendto(os.urandom(random.choice(sizes)), (sys.argv[4], port, 0, index))
"""


until = functools.partial(waits.until, within=WITHIN_S)


def pid(lab: Lab, node: str) -> int:
    return int(next(unit["pid"] for unit in lab.units() if unit["node"] == node))


def pss_kb(lab: Lab, node: str) -> int:
    text = lab.exec(None, "cat", f"/proc/{pid(lab, node)}/smaps_rollup").stdout
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def cpu_ticks(lab: Lab, node: str) -> int:
    fields = lab.exec(None, "cat", f"/proc/{pid(lab, node)}/stat").stdout.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def log_bytes(lab: Lab, node: str) -> int:
    return sum(map(len, lab.log(node)))


def whole(lab: Lab) -> bool:
    return all(lab.health(node) == "healthy" for node in lab.nodes)


def errors(lab: Lab, node: str) -> dict[str, str]:
    told = lab.exec(node, "python3", "-m", "agent.cli.main", "status", "--json", check=False).stdout
    found: dict[str, str] = json.loads(told)["errors"]
    return found


def ogm_interval(lab: Lab, node: str) -> str:
    return lab.exec(node, "batctl", "meshif", "bat0", "orig_interval").stdout.strip()


def stays(lab: Lab, node: str, interval: str) -> bool:
    """Set the OGM interval; is it still so a second later?"""
    lab.exec(node, "batctl", "meshif", "bat0", "orig_interval", interval)
    time.sleep(1.0)
    return ogm_interval(lab, node) == interval


def same_process(lab: Lab, node: str, before: int) -> bool:
    return pid(lab, node) == before


def test_an_interface_deleted_and_made_again_in_the_middle_of_reads_stops_nothing(spent_lab: Lab) -> None:
    lab, process = spent_lab, pid(spent_lab, "n2")
    since = time.time()
    for _ in range(15):  # each falls into another moment of the polling, which is every 10 ms by now
        lab.exec("n2", "ip", "link", "del", "bat0", check=False)
        time.sleep(0.15)
    until(lambda: whole(lab), "whole again")
    until(lambda: not errors(lab, "n2"), "nothing unread is left")
    until(
        lambda: lab.exec("n2", "ping", "-c1", "-W1", "10.77.0.5", check=False).exit == 0,
        "traffic",
        within=REBIRTH_S,
    )
    assert same_process(lab, "n2", process), "it never ended"
    told = story.events(lab, ["n2"], since)
    assert not [event for event in told if event.event == "loop-error"]
    assert len(told) < 150


@pytest.mark.long  # the parser is fuzzed, and flooded on the host, in `make test`
def test_a_flood_on_the_hello_port_costs_little_and_tells_nothing(lab_ring6: Lab) -> None:
    lab, process = lab_ring6, pid(lab_ring6, "n2")
    memory, log, since = pss_kb(lab, "n2"), log_bytes(lab, "n2"), time.time()
    before = cpu_ticks(lab, "n2")
    for device, group in (("e2", "ff02::7077"), ("bat0", "ff02::1")):
        lab.exec("n1", "python3", "-c", FLOODER, device, "7077", str(FLOOD), group)
    spent, took = (cpu_ticks(lab, "n2") - before) / 100, time.time() - since
    assert pss_kb(lab, "n2") - memory < GROWTH_KB
    assert log_bytes(lab, "n2") - log < LOG_BYTES
    assert spent < 0.7 * took, f"{spent:.1f} s of processor in {took:.1f} s"
    assert same_process(lab, "n2", process)
    until(lambda: whole(lab), "whole")
    acts = [event for event in story.events(lab, since=since) if event.event in ("diagnosis", "action")]
    assert acts == []


@pytest.mark.long  # the journal on a full disk is tried on the host in `make test`
def test_without_room_for_the_journal_nothing_is_done_until_there_is(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.agent("n2", "stop")
    lab.exec("n2", "mount", "-t", "tmpfs", "-o", "size=256k", "x0full", STATE)
    try:
        lab.agent("n2", "start")
        until(lambda: lab.health("n2") == "healthy", "healthy")
        lab.exec("n2", "sh", "-c", f"dd if=/dev/zero of={STATE}/ballast bs=1k 2>/dev/null; true")
        made = lab.inject("link-dead", "n2", "n3")
        story.wait_for(
            lab,
            lambda e: e.event == "journal-trouble" and "free space" in e.message,
            made.at, WITHIN_S, ("n2",),
        )  # fmt: skip
        until(lambda: "journal" in errors(lab, "n2"), "the page says so")
        assert attached(lab, "n2", "e3")
        lab.exec("n2", "rm", f"{STATE}/ballast")
        freed = time.time()
        story.wait_for(lab, lambda e: e.event == "journal-ready", freed, WITHIN_S, ("n2",))
        assert len(story.events(lab, ["n2"], made.at)) < 100
        lab.clear()
        until(lambda: whole(lab), "whole")
        again = lab.inject("link-dead", "n2", "n1")
        story.wait_for(lab, lambda e: e.event == "action", again.at, WITHIN_S, ("n2",))
        until(lambda: not attached(lab, "n2", "e1"), "it acts again")
    finally:
        lab.clear()
        lab.agent("n2", "stop")
        lab.exec("n2", "umount", STATE, check=False)
        lab.agent("n2", "start")
    until(lambda: whole(lab), "whole")


def test_a_node_that_observes_says_what_it_would_do_and_does_nothing(lab_ring6: Lab) -> None:
    lab = lab_ring6
    written = lab.exec("n2", "cat", CONFIG).stdout
    config = yaml.safe_load(written)
    config["mode"] = "observe"
    rest, moved = ogm_interval(lab, "n2"), "5000"
    since = time.time()
    lab.exec("n2", "sh", "-c", f"cat > {CONFIG}", stdin=yaml.safe_dump(config).encode())
    lab.agent("n2", "SIGHUP")
    story.wait_for(lab, lambda e: e.event == "reload", since, WITHIN_S, ("n2",))
    try:
        # as the mode changes the keeper leaves the timers at rest, once; the reload is said before
        until(lambda: stays(lab, "n2", moved), "the timers of a node that observes are others' affair")
        lab.exec("n5", "batctl", "meshif", "bat0", "orig_interval", moved)
        made = lab.inject("hardif-missing", "n2", "n3")
        decision = story.wait_for(lab, lambda e: e.event == "decision", made.at, WITHIN_S, ("n2",))
        assert decision.fields["verdict"] == "observe"
        assert decision.fields["action"] == "attach-hardif"
        until(lambda: ogm_interval(lab, "n5") == rest, "the keeper of a node that heals puts timers back")
        # longer than the keeper's look and the second rung's time
        time.sleep(max(0.0, decision.at + KEEPER_S - time.time()))
        assert not attached(lab, "n2", "e3")
        assert ogm_interval(lab, "n2") == moved, "nor does its keeper touch anything"
        told = story.events(lab, ["n2"], made.at)
        assert not [event for event in told if event.event in ("action", "outcome", "hasten")]
    finally:
        lab.exec("n2", "sh", "-c", f"cat > {CONFIG}", stdin=written.encode())
        lab.agent("n2", "SIGHUP")
        lab.clear()
    until(lambda: whole(lab), "whole")
    until(lambda: ogm_interval(lab, "n2") == rest, "healing again it keeps its timers")


@pytest.mark.parametrize(
    "text", ["mode: heel\n", *(pytest.param(text, marks=pytest.mark.long) for text in ("node: [\n", "\0"))]
)
def test_a_broken_configuration_at_reload_changes_nothing(lab_ring6: Lab, text: str) -> None:
    lab = lab_ring6
    written, process, since = lab.exec("n2", "cat", CONFIG).stdout, pid(lab, "n2"), time.time()
    lab.exec("n2", "sh", "-c", f"cat > {CONFIG}", stdin=text.encode())
    try:
        lab.agent("n2", "SIGHUP")
        story.wait_for(lab, lambda e: e.event == "reload-refused", since, WITHIN_S, ("n2",))
        assert "the old one holds" in errors(lab, "n2")["configuration"]
        assert same_process(lab, "n2", process)
    finally:
        lab.exec("n2", "sh", "-c", f"cat > {CONFIG}", stdin=written.encode())
        lab.agent("n2", "SIGHUP")
    until(lambda: not errors(lab, "n2"), "the mistake is mended")
