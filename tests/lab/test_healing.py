# SPDX-License-Identifier: Apache-2.0
"""Each fault, injected from outside: found in time, rightly named and treated, left alone once healthy, and
what was broken used again when it comes back. Told by ping and batctl, not by the agent alone."""

from __future__ import annotations

import functools
import itertools
import logging
import time

import pytest

from tests.lab.flows import steady
from tests.lab.waits import attached, best, until
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.story import Event

log = logging.getLogger("x0.test")

# Generous: the machine is emulated, agents share two slow processors. `make bench` has the distribution.
FOUND_S = 3.0
SERVICE_FOUND_S = 15.0  # a service that hangs is known only after its probes went unanswered
# batman-adv alone needs 4.5 s for a dead link or node, 55 s for a one-way link: less is the agents' work.
# Out of the mesh at one end only, a link is one-way: the other end sends into it until it is put back.
GAP_S = {"link-dead": 3.0, "node-dead": 3.0, "one-way": 5.0, "hardif-missing": 3.0}
BESIDE_S = 1.0  # what concerns no link holds no packet up; programs that start make the emulator answer late
NAMED_S = 8.0
HEALED_S = 30.0
QUIET_S = 6.0  # after healing nothing more may be done
BEFORE_S = 1.0  # traffic that flows before anything is broken: twenty answers without a gap
FORWARDS_S = 4.0  # more than batman-adv takes to prefer another way
KILLED_GAP_S = 2.0  # a way lost is 4.5 s of silence; six times Python at once makes the emulator answer late


def actions(lab: Lab, since: float) -> list[Event]:
    return [event for event in story.events(lab, since=since) if event.event == "action"]


def action(lab: Lab, node: str, name: str, since: float, within: float = NAMED_S) -> None:
    """The node's first action is the one that is right for the fault."""
    first = story.wait_for(lab, lambda e: e.event == "action", since, within, (node,))
    assert first.message.startswith(f"begins: {name} on "), first.message


def healed(lab: Lab, node: str, since: float, *faults: str) -> float:
    """Wait until the node says that it is healed (of one of these faults, if given); when it did."""
    found = story.wait_for(
        lab,
        lambda e: (
            e.event == "outcome"
            and e.fields["result"] == "healed"
            and (not faults or e.fields["fault"] in faults)
        ),
        since,
        HEALED_S,
        (node,),
    )
    return found.at


def diagnosed(*faults: str) -> story.Wanted:
    return lambda e: e.event in ("diagnosis", "reclassified") and e.fields["fault"] in faults


def second_edge(lab: Lab, source: str, target: str) -> tuple[str, str]:
    """The second hop of the way: neither end of the traffic is at the cut."""
    chain = lab.path(source, target)
    return next(itertools.islice(itertools.pairwise(chain), 1, None))


def gap_after(lab: Lab, flow: str, moment: float) -> float:
    """Seconds of the flow's longest gap that ended later, 0 where there was none."""
    gap = lab.traffic_report(flow)[flow].gap_after(moment)
    seconds = 0.0 if gap is None else gap.seconds
    log.info("%s: a gap of %.2f s", flow, seconds)
    return seconds


def wire(peer: str) -> str:
    """The device towards that neighbour."""
    return f"e{peer[1:]}"


def used_again(lab: Lab, a: str, b: str) -> None:
    """Wait until each end's best way to the other is the wire between them."""
    until(
        lambda: best(lab, a, b) == wire(b) and best(lab, b, a) == wire(a),
        f"{a} and {b} use the wire between them",
        HEALED_S,
    )


def passes(lab: Lab, source: str, target: str, by: str) -> bool:
    """Whether the way from source to target begins with the wire to `by`."""
    return best(lab, source, target) == wire(by)


def wait_whole(lab: Lab) -> None:
    """Every agent says healthy and holds nothing out of the mesh."""
    end = time.monotonic() + HEALED_S
    while (states := {node: lab.health(node) for node in lab.nodes}) != dict.fromkeys(lab.nodes, "healthy"):
        assert time.monotonic() < end, f"not whole within {HEALED_S} s: {states}"
        time.sleep(0.2)


def left_alone(lab: Lab, since: float, seconds: float = QUIET_S) -> None:
    """Nothing more is done by anybody from `since`, when it was healed, for so long and till whole."""
    wait_whole(lab)
    time.sleep(max(0.0, since + seconds - time.time()))
    assert actions(lab, since) == [], "left alone once healthy"


@pytest.mark.parametrize("fault", ["link-dead", "one-way"])
def test_a_broken_link_is_left_by_both_ends_and_used_again(lab_ring6: Lab, fault: str) -> None:
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4", BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    made = lab.inject(fault, b, a)  # b is the deaf end: requests pass here, answers may go another way
    story.wait_for(lab, diagnosed("link-dead", "one-way"), made.at, FOUND_S, (a, b))
    for node in (a, b):
        action(lab, node, "detach-hardif", made.at)
    named = story.wait_for(lab, diagnosed(fault), made.at, NAMED_S, (a, b))
    assert named.fields["subject"].startswith("hardif/e")
    steady(lab, "n1-n4")
    gap = gap_after(lab, "n1-n4", made.at)
    assert gap, "the cut was not on the way"
    assert gap <= GAP_S[fault]
    for node, peer in ((a, b), (b, a)):
        assert not attached(lab, node, wire(peer))
        assert best(lab, node, peer) != wire(peer)
    assert {e.node for e in actions(lab, made.at)} == {a, b}, "nobody else acts"

    lab.clear()
    cleared = time.time()
    done = max(healed(lab, node, cleared) for node in (a, b))
    used_again(lab, a, b)
    left_alone(lab, done)
    steady(lab, "n1-n4", QUIET_S)


def test_a_dead_node_is_named_by_its_neighbours_and_passed_by(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4", BEFORE_S)
    chain = lab.path("n1", "n4")
    dead, neighbours = chain[1], (chain[0], chain[2])
    made = lab.inject("node-dead", dead)
    for node in neighbours:
        action(lab, node, "detach-hardif", made.at, FOUND_S)
        story.wait_for(lab, diagnosed("node-dead"), made.at, NAMED_S, (node,))
    steady(lab, "n1-n4")
    gap = gap_after(lab, "n1-n4", made.at)
    assert gap, "the node was not on the way"
    assert gap <= GAP_S["node-dead"]
    for node in neighbours:
        assert best(lab, node, dead) != wire(dead)

    cleared = time.time()  # before: bringing a node back takes longer than healing a link
    lab.clear()
    done = max(healed(lab, node, cleared) for node in neighbours)
    for node in neighbours:
        used_again(lab, node, dead)
    left_alone(lab, done)
    steady(lab, "n1-n4", QUIET_S)


def test_a_hardif_that_fell_out_of_the_mesh_is_put_back_and_used_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4", BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    made = lab.inject("hardif-missing", a, b)
    found = story.wait_for(lab, diagnosed("hardif-missing"), made.at, FOUND_S, (a,))
    assert found.fields["subject"] == f"hardif/{wire(b)}"
    action(lab, a, "attach-hardif", made.at)
    done = healed(lab, a, made.at, "hardif-missing")
    assert attached(lab, a, wire(b))
    used_again(lab, a, b)
    left_alone(lab, done)
    steady(lab, "n1-n4", QUIET_S)
    assert gap_after(lab, "n1-n4", made.at) <= GAP_S["hardif-missing"]


def test_a_broker_that_is_gone_or_does_not_answer_is_started_again(lab_ring6: Lab) -> None:
    lab = lab_ring6
    broken = {"n5": "service-dead", "n2": "service-hung"}  # side by side: each is its own node's affair
    flows = {"n5": ("n4", "n6"), "n2": ("n1", "n3")}  # past the node
    for node, (source, target) in flows.items():
        until(functools.partial(passes, lab, source, target, node), f"past {node}", HEALED_S)
        lab.traffic_start(source, target)
    for source, target in flows.values():
        steady(lab, f"{source}-{target}", BEFORE_S)
    pids = {node: set(lab.exec(node, "pidof", "mosquitto").stdout.split()) for node in broken}
    made = {node: lab.inject(fault, node) for node, fault in broken.items()}
    done = 0.0
    for node, injection in made.items():
        found = story.wait_for(lab, diagnosed("service-dead"), injection.at, SERVICE_FOUND_S, (node,))
        assert found.fields["subject"] == "service/mosquitto"
        action(lab, node, "restart-service", injection.at, SERVICE_FOUND_S)
        done = max(done, healed(lab, node, injection.at, "service-dead"))
        now = set(lab.exec(node, "pidof", "mosquitto").stdout.split())
        assert now
        assert not now & pids[node]
        lab.exec(node, "mosquitto_pub", "-h", "127.0.0.1", "-t", "x0/test", "-m", "answers")
    left_alone(lab, done)
    for source, target in flows.values():
        assert gap_after(lab, f"{source}-{target}", made["n5"].at) <= BESIDE_S


def test_killed_agents_leave_a_mesh_that_forwards_and_nothing_detached(lab_ring6: Lab) -> None:
    """The link stays cut: with nobody left to hold it out of the mesh, traffic goes on the long way round."""
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4", BEFORE_S)
    a, b = second_edge(lab, "n1", "n4")
    made = lab.inject("link-dead", a, b)
    flows = ("n1-n4", f"{a}-{b}")
    lab.traffic_start(a, b)
    story.wait_for(lab, lambda e: e.event == "action", made.at, FOUND_S, (a,))
    for flow in flows:
        steady(lab, flow)
    killed = time.time()
    for node in lab.nodes:
        lab.agent(node, "SIGKILL")
    for node in lab.nodes:
        lab.agent(node, "stop")  # keeps it from being started again; what ExecStopPost does has been done
    assert attached(lab, a, wire(b)), "the undo journal was replayed"
    assert attached(lab, b, wire(a))
    for flow in flows:
        steady(lab, flow, FORWARDS_S)
        assert gap_after(lab, flow, killed) <= KILLED_GAP_S
    lab.clear()
    for flow in flows:
        steady(lab, flow)


@pytest.mark.long  # as a node that observes (test_bad_input.py), which `make test` tries
def test_a_paused_node_says_and_does_nothing(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.exec("n2", "python3", "-m", "agent.cli.main", "pause", "5m")
    made = lab.inject("hardif-missing", "n2", "n3")
    story.wait_for(
        lab, lambda e: e.event == "decision" and e.fields["verdict"] == "observe", made.at, NAMED_S, ("n2",)
    )
    assert not attached(lab, "n2", "e3")
    lab.exec("n2", "python3", "-m", "agent.cli.main", "resume")
    healed(lab, "n2", made.at, "hardif-missing")
    wait_whole(lab)
