# SPDX-License-Identifier: Apache-2.0
"""Links that lose packets, come and go or fade; two faults at once; a neighbour that hangs; a person's hand.

With the limits a mesh lives with, where the rule is about them. Told by ping, batctl and the agents' logs.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import logging
import time
import urllib.request
from collections.abc import Iterator

import pytest
import yaml

from tests.lab.flows import steady
from tests.lab.waits import attached, best, until
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.faults.link_fading import loss_percent
from tools.lab.story import Event

log = logging.getLogger("x0.test")

CONFIG = "/etc/x0/x0.yaml"
REAL = {  # the defaults of agent/config.py, which other lab tests widen
    "moves_per_two_minutes": 2,
    "undone_within": 3600.0,
    "cooldown_first": 5.0,
    "cooldown_max": 600.0,
}
RELOADED_S = 10.0
BEFORE_S = 1.0
NAMED_S = 30.0
LOSSY_NAMED_S = 30.0  # one request in two seconds until the first is lost; then it takes two seconds
LEFT_S = 25.0
HEALED_S = 60.0  # fifty echoes without loss take 13 s, then the ways come back
TWO_MINUTES = 120.0
FIRST_S = 12.0  # from the first cut of a flapping link until traffic no longer meets it
FLAPPING_GAP_S = 1.0
FADING_S = 200.0  # when a fading link has come to 20 %
QUIET_S = 6.0
STAYS_S = 30.0  # a fading link is watched for so long after it was left, and two minutes in all
HANGS_S = 20.0
BESIDE_S = 1.0  # what concerns no link holds no packet up; the emulator itself answers late now and then
RESTORED_S = 10.0
LEFT_ALONE_S = 5.0
NO_DOINGS = frozenset({"diagnosis", "reclassified", "action", "outcome"})


@contextlib.contextmanager
def real_limits(lab: Lab, *nodes: str) -> Iterator[None]:
    """These nodes' agents keep the limits they have by default."""
    written = {node: lab.exec(node, "cat", CONFIG).stdout for node in nodes}
    for node, text in written.items():
        config = yaml.safe_load(text)
        config["healing"].update(REAL)
        reload(lab, node, yaml.safe_dump(config))
    try:
        yield
    finally:
        lab.clear()
        for node, text in written.items():
            reload(lab, node, text)


def reload(lab: Lab, node: str, text: str) -> None:
    since = time.time()
    lab.exec(node, "sh", "-c", f"cat > {CONFIG}", stdin=text.encode())
    lab.agent(node, "SIGHUP")
    story.wait_for(lab, lambda e: e.event == "reload", since, RELOADED_S, (node,))


def wire(peer: str) -> str:
    return f"e{peer[1:]}"


def second_edge(lab: Lab, source: str, target: str) -> tuple[str, str]:
    """The second hop of the way: neither end of the traffic is at the link."""
    return next(itertools.islice(itertools.pairwise(lab.path(source, target)), 1, None))


def diagnosed(*faults: str) -> story.Wanted:
    return lambda e: e.event in ("diagnosis", "reclassified") and e.fields["fault"] in faults


def healed(fault: str) -> story.Wanted:
    return lambda e: e.event == "outcome" and e.fields["result"] == "healed" and e.fields["fault"] == fault


def doings(lab: Lab, since: float) -> list[Event]:
    return [event for event in story.events(lab, since=since) if event.event in NO_DOINGS]


def told(lab: Lab, since: float, *nodes: str) -> str:
    return "\n".join(
        f"{e.at - since:.1f} {e.node} {e.event}: {e.message}" for e in doings(lab, since) if e.node in nodes
    )


def uses(lab: Lab, node: str, peer: str) -> bool:
    """Does the node's best way to its neighbour begin with the wire between them?"""
    return best(lab, node, peer) == wire(peer)


def used_by_nobody(lab: Lab, a: str, b: str) -> bool:
    return not uses(lab, a, b) and not uses(lab, b, a)


def used_by_both(lab: Lab, a: str, b: str) -> bool:
    return uses(lab, a, b) and uses(lab, b, a)


def worth(lab: Lab, node: str, peer: str) -> str:
    return lab.exec(node, "batctl", "hardif", wire(peer), "throughput_override").stdout.strip()


def healthy(lab: Lab) -> bool:
    return all(lab.health(node) == "healthy" for node in lab.nodes)


def led_over(lab: Lab, node: str, peer: str) -> bool:
    """Is the node's wire to its peer in the mesh, and worth as much as any?"""
    return attached(lab, node, wire(peer)) and worth(lab, node, peer) == worth(lab, "n1", "n2")


def moves(lab: Lab, a: str, b: str, since: float, seconds: float) -> dict[str, int]:
    """How often each end led its ways away from the wire or back to it, as the kernel shows it."""
    before = {a: True, b: True}
    count = {a: 0, b: 0}
    while time.time() < since + seconds:
        for node, peer in ((a, b), (b, a)):
            now = led_over(lab, node, peer)
            count[node] += now != before[node]
            before[node] = now
        time.sleep(0.2)
    log.info("moves in %.0f s: %s", seconds, count)
    return count


@pytest.mark.long
def test_a_lossy_link_is_left_by_both_ends_without_being_cut_and_used_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    flow = lab.traffic_start("n1", "n4").removeprefix("traffic-")
    steady(lab, flow, BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    rest = worth(lab, a, b)
    made = lab.inject("link-lossy", a, b)
    for node in (a, b):
        found = story.wait_for(lab, diagnosed("link-lossy"), made.at, LOSSY_NAMED_S, (node,))
        assert "of the last" in found.message
        log.info("%s: link-lossy said after %.1f s", node, found.at - made.at)
    log.info("what was done:\n%s", told(lab, made.at, a, b))
    until(functools.partial(used_by_nobody, lab, a, b), "both ends leave the wire", LEFT_S)
    log.info("left after %.1f s", time.time() - made.at)
    steady(lab, flow)
    for node, peer in ((a, b), (b, a)):
        assert worth(lab, node, peer) != rest
        assert attached(lab, node, wire(peer)), "nothing was cut"
    actors = {e.node for e in doings(lab, made.at) if e.event == "action"}
    assert actors == {a, b}, told(lab, made.at, *lab.nodes)

    lab.clear()
    cleared = time.time()
    for node in (a, b):
        done = story.wait_for(lab, healed("link-lossy"), cleared, HEALED_S, (node,))
        log.info("%s: healed %.1f s after it was calm", node, done.at - cleared)
    until(functools.partial(used_by_both, lab, a, b), "both ends use the wire again", HEALED_S)
    assert worth(lab, a, b) == worth(lab, b, a) == rest
    until(functools.partial(healthy, lab), "whole", HEALED_S)
    since = time.time()
    time.sleep(QUIET_S)
    assert not doings(lab, since), "left alone once healthy"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_link_that_comes_and_goes_is_left_once_and_stays_out(lab_ring6: Lab) -> None:
    lab = lab_ring6
    flow = lab.traffic_start("n1", "n4").removeprefix("traffic-")
    steady(lab, flow, BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    with real_limits(lab, a, b):
        made = lab.inject("link-flapping", a, b)
        count = moves(lab, a, b, made.at, TWO_MINUTES)
        assert max(count.values()) <= 2, told(lab, made.at, a, b)
        assert min(count.values()) >= 1, "it was not left"
        gap = lab.traffic_report(flow)[flow].gap_after(made.at + FIRST_S)
        assert gap is None or gap.seconds <= FLAPPING_GAP_S, told(lab, made.at, a, b)
        said = [e.message for e in doings(lab, made.at) if "comes and goes" in e.message]
        assert said, told(lab, made.at, a, b)
        log.info("what was done:\n%s", told(lab, made.at, a, b))
        assert {e.node for e in doings(lab, made.at) if e.event == "action"} <= {a, b}
    until(functools.partial(used_by_both, lab, a, b), "both ends use the wire again", HEALED_S)


@pytest.mark.long
@pytest.mark.timeout(500)
def test_traffic_leaves_a_fading_link_before_a_fifth_is_lost(lab_ring6: Lab) -> None:
    lab = lab_ring6
    flow = lab.traffic_start("n1", "n4").removeprefix("traffic-")
    steady(lab, flow, BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    with real_limits(lab, a, b):
        made = lab.inject("link-fading", a, b)
        until(functools.partial(used_by_nobody, lab, a, b), "both ends leave the wire", FADING_S)
        left = time.time() - made.at
        log.info("left after %.0f s, at %.0f %% in each direction", left, loss_percent(left))
        assert loss_percent(left) < 20.0
        count = moves(lab, a, b, time.time(), max(STAYS_S, TWO_MINUTES - left))
        assert max(count.values()) <= 2, told(lab, made.at, a, b)
        assert used_by_nobody(lab, a, b), "it stays left while it gets worse"
    until(functools.partial(used_by_both, lab, a, b), "both ends use the wire again", HEALED_S)


@pytest.mark.long
@pytest.mark.parametrize("second", ["service-dead", "hardif-missing"])
def test_two_faults_at_once_are_named_and_healed_each(lab_ring6: Lab, second: str) -> None:
    lab = lab_ring6
    flow = lab.traffic_start("n1", "n4").removeprefix("traffic-")
    steady(lab, flow, BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    if second == "service-dead":
        other, peer = a, None  # the same node
    else:  # the other half of the ring: cut in two until one of the two is healed
        other, peer = ("n6", "n5") if a in ("n2", "n3") else ("n2", "n3")
    first = lab.inject("link-dead", a, b)
    also = lab.inject(second, other, peer)
    for node in (a, b):
        story.wait_for(lab, diagnosed("link-dead", "one-way"), first.at, NAMED_S, (node,))
    found = story.wait_for(lab, diagnosed(second), also.at, NAMED_S, (other,))
    done = story.wait_for(lab, healed(second), also.at, NAMED_S, (other,))
    log.info("%s: said after %.1f s, healed after %.1f s", second, found.at - also.at, done.at - also.at)
    steady(lab, flow)
    gap = lab.traffic_report(flow)[flow].gap_after(first.at)
    log.info("a gap of %.2f s", gap.seconds if gap else 0.0)
    assert used_by_nobody(lab, a, b)

    lab.clear()
    until(functools.partial(used_by_both, lab, a, b), "both ends use the wire again", HEALED_S)
    until(functools.partial(healthy, lab), "whole", HEALED_S)


@pytest.mark.long
def test_a_neighbour_whose_agent_hangs_is_not_taken_for_a_broken_link(lab_ring6: Lab) -> None:
    lab = lab_ring6
    flow = lab.traffic_start("n1", "n3").removeprefix("traffic-")
    steady(lab, flow, BEFORE_S)
    since = time.time()
    lab.agent("n2", "SIGSTOP")
    try:
        time.sleep(HANGS_S)
        assert not doings(lab, since), told(lab, since, *lab.nodes)
    finally:
        lab.agent("n2", "SIGCONT")
    until(functools.partial(healthy, lab), "whole", HEALED_S)
    time.sleep(QUIET_S)
    assert not doings(lab, since), told(lab, since, *lab.nodes)
    gap = lab.traffic_report(flow)[flow].gap_after(since)
    seconds = 0.0 if gap is None else gap.seconds
    assert seconds <= BESIDE_S, f"traffic past it stood still for {seconds:.1f} s"


@pytest.mark.long
def test_a_neighbour_that_answers_late_is_not_taken_for_a_broken_link(lab_ring6: Lab) -> None:
    lab = lab_ring6
    since = time.time()
    slow = "tc qdisc replace dev {0} root netem delay 200ms"  # shorter than three of its ELPs
    try:
        for device in ("e1", "e3"):
            lab.exec("n2", *slow.format(device).split())
        time.sleep(HANGS_S)
        assert not doings(lab, since), told(lab, since, *lab.nodes)
    finally:
        for device in ("e1", "e3"):
            lab.exec("n2", "tc", "qdisc", "del", "dev", device, "root")
    until(functools.partial(healthy, lab), "whole", HEALED_S)


TAKEN = {"out of the mesh": ("nomaster", "e5"), "down": ("down", "e3")}


@pytest.mark.parametrize("how", ["out of the mesh", pytest.param("down", marks=pytest.mark.long)])
def test_what_a_person_takes_down_is_restored_once_then_left_alone_and_said(lab_ring6: Lab, how: str) -> None:
    lab, node, (word, device) = lab_ring6, "n4", TAKEN[how]
    back = functools.partial(attached, lab, node, device)
    with real_limits(lab, node), contextlib.ExitStack() as after:
        after.callback(lab.exec, node, "ip", "link", "set", device, "up", "master", "bat0", check=False)
        since = time.time()
        lab.exec(node, "ip", "link", "set", device, word)
        story.wait_for(lab, healed("hardif-missing"), since, RESTORED_S, (node,))
        assert back()
        until(functools.partial(healthy, lab), "its neighbour uses it again, too", HEALED_S)
        again = time.time()
        lab.exec(node, "ip", "link", "set", device, word)
        left = story.wait_for(
            lab,
            lambda e: e.event == "decision" and e.fields["verdict"] == "nothing",
            again,
            RESTORED_S,
            (node,),
        )
        assert "somebody undid" in left.message
        time.sleep(LEFT_ALONE_S)
        assert not back(), "left alone"
        with urllib.request.urlopen(lab.page(node, "/api/v1/status"), timeout=10) as answer:
            verdict = json.load(answer)["verdict"]
        assert "somebody undid" in verdict["doing"], verdict
        lab.exec(node, "python3", "-m", "agent.cli.main", "resume")
        until(back, "restored again after `x0 resume`", RESTORED_S)
