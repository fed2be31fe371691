# SPDX-License-Identifier: Apache-2.0
"""Each fault, injected from outside: found in time, rightly named and treated, left alone once healthy, the
link used again when it comes back. Traffic is watched by ping, not by the agent."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.lab.flows import steady
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.story import Event

# Generous: the machine is emulated, agents share two slow processors. `make bench` has the distribution.
FOUND_S = 3.0
SERVICE_FOUND_S = 15.0  # a service that hangs is known only after its probes went unanswered
# batman-adv alone needs 4.5 s for a dead link or node, 55 s for a one-way link: less is the agents' work.
GAP_S = {"link-dead": 3.0, "node-dead": 3.0, "one-way": 5.0}
NAMED_S = 8.0
HEALED_S = 30.0
QUIET_S = 6.0  # after healing nothing more may be done


def actions(lab: Lab, since: float) -> list[Event]:
    return [event for event in story.events(lab, since=since) if event.event == "action"]


def outcome(result: str, fault: str) -> story.Wanted:
    return lambda e: e.event == "outcome" and e.fields["fault"] == fault and e.fields["result"] == result


def diagnosed(*faults: str) -> story.Wanted:
    return lambda e: e.event in ("diagnosis", "reclassified") and e.fields["fault"] in faults


def second_edge(lab: Lab, source: str, target: str) -> tuple[str, str]:
    """The second hop of the way: neither end of the traffic is at the cut."""
    chain = lab.path(source, target)
    return next(itertools.islice(itertools.pairwise(chain), 1, None))


def wait_whole(lab: Lab) -> None:
    """Every agent says healthy and holds nothing out of the mesh."""
    end = time.monotonic() + HEALED_S
    while (states := {node: lab.health(node) for node in lab.nodes}) != dict.fromkeys(lab.nodes, "healthy"):
        assert time.monotonic() < end, f"not whole within {HEALED_S} s: {states}"
        time.sleep(0.5)


def attached(lab: Lab, node: str, device: str) -> bool:
    return f"{device}: active" in lab.exec(node, "batctl", "meshif", "bat0", "interface").stdout


def left_alone(lab: Lab) -> None:
    """Nothing more is done by anybody for QUIET_S."""
    since = time.time()
    time.sleep(QUIET_S)
    assert actions(lab, since) == [], "left alone once healthy"


@pytest.mark.parametrize("fault", ["link-dead", "one-way"])
def test_a_broken_link_is_left_by_both_ends_and_used_again(lab_ring6: Lab, fault: str) -> None:
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4")
    a, b = second_edge(lab, "n1", "n4")
    made = lab.inject(fault, b, a)  # b is the deaf end: requests pass here, answers may go another way
    story.wait_for(lab, diagnosed("link-dead", "one-way"), made.at, FOUND_S, (a, b))
    for node in (a, b):
        act = story.wait_for(lab, lambda e: e.event == "action", made.at, NAMED_S, (node,))
        assert "detach-hardif" in act.message
    named = story.wait_for(lab, diagnosed(fault), made.at, NAMED_S, (a, b))
    assert named.fields["subject"].startswith("hardif/e")
    steady(lab, "n1-n4")
    gap = lab.traffic_report("n1-n4")["n1-n4"].gap_after(made.at)
    assert gap is not None, "the cut was not on the way"
    assert gap.seconds <= GAP_S[fault]
    assert not attached(lab, a, f"e{b[1:]}")
    assert not attached(lab, b, f"e{a[1:]}")
    assert {e.node for e in actions(lab, made.at)} == {a, b}, "nobody else acts"

    lab.clear()
    cleared = time.time()
    for node in (a, b):
        story.wait_for(
            lab, lambda e: e.event == "outcome" and e.fields["result"] == "healed", cleared, HEALED_S, (node,)
        )
    wait_whole(lab)
    assert attached(lab, a, f"e{b[1:]}")
    assert attached(lab, b, f"e{a[1:]}")
    left_alone(lab)
    steady(lab, "n1-n4", QUIET_S)


def test_a_dead_node_is_named_by_its_neighbours_and_passed_by(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4")
    chain = lab.path("n1", "n4")
    dead, neighbours = chain[1], (chain[0], chain[2])
    made = lab.inject("node-dead", dead)
    for node in neighbours:
        story.wait_for(lab, lambda e: e.event == "action", made.at, FOUND_S, (node,))
        story.wait_for(lab, diagnosed("node-dead"), made.at, NAMED_S, (node,))
    steady(lab, "n1-n4")
    gap = lab.traffic_report("n1-n4")["n1-n4"].gap_after(made.at)
    assert gap is not None
    assert gap.seconds <= GAP_S["node-dead"]

    cleared = time.time()  # before: bringing a node back takes longer than healing a link
    lab.clear()
    for node in neighbours:
        story.wait_for(
            lab, lambda e: e.event == "outcome" and e.fields["result"] == "healed", cleared, HEALED_S, (node,)
        )
    wait_whole(lab)
    for node in neighbours:
        assert attached(lab, node, f"e{dead[1:]}")
    left_alone(lab)
    steady(lab, "n1-n4")


def test_a_hardif_that_fell_out_of_the_mesh_is_put_back(lab_ring6: Lab) -> None:
    made = lab_ring6.inject("hardif-missing", "n2", "n3")
    story.wait_for(lab_ring6, diagnosed("hardif-missing"), made.at, FOUND_S, ("n2",))
    act = story.wait_for(lab_ring6, lambda e: e.event == "action", made.at, NAMED_S, ("n2",))
    assert "attach-hardif" in act.message
    story.wait_for(lab_ring6, outcome("healed", "hardif-missing"), made.at, HEALED_S, ("n2",))
    assert attached(lab_ring6, "n2", "e3")
    wait_whole(lab_ring6)
    left_alone(lab_ring6)


@pytest.mark.parametrize("fault", ["service-dead", "service-hung"])
def test_a_broker_that_is_gone_or_does_not_answer_is_started_again(lab_ring6: Lab, fault: str) -> None:
    lab = lab_ring6
    pid = lab.exec("n5", "pidof", "mosquitto").stdout.split()
    made = lab.inject(fault, "n5")
    found = story.wait_for(lab, diagnosed("service-dead"), made.at, SERVICE_FOUND_S, ("n5",))
    assert found.fields["subject"] == "service/mosquitto"
    story.wait_for(lab, outcome("healed", "service-dead"), made.at, HEALED_S, ("n5",))
    now = lab.exec("n5", "pidof", "mosquitto").stdout.split()
    assert now
    assert now != pid
    lab.exec("n5", "mosquitto_pub", "-h", "127.0.0.1", "-t", "x0/test", "-m", "answers")
    wait_whole(lab)
    left_alone(lab)


def test_killed_agents_leave_a_mesh_that_forwards_and_nothing_detached(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.traffic_start("n1", "n4")
    steady(lab, "n1-n4")
    a, b = second_edge(lab, "n1", "n4")
    made = lab.inject("link-dead", a, b)
    story.wait_for(lab, lambda e: e.event == "action", made.at, FOUND_S, (a,))
    steady(lab, "n1-n4")
    for node in lab.nodes:
        lab.agent(node, "SIGKILL")
        lab.agent(node, "stop")  # keeps it from being started again; what ExecStopPost does has been done
    assert attached(lab, a, f"e{b[1:]}"), "the undo journal was replayed"
    lab.clear()
    steady(lab, "n1-n4", 4.0)
    for node in lab.nodes:
        lab.agent(node, "start")
    wait_whole(lab)


def test_a_paused_node_says_and_does_nothing(lab_ring6: Lab) -> None:
    lab = lab_ring6
    lab.exec("n2", "python3", "-m", "agent.cli.main", "pause", "5m")
    made = lab.inject("hardif-missing", "n2", "n3")
    story.wait_for(
        lab, lambda e: e.event == "decision" and e.fields["verdict"] == "observe", made.at, NAMED_S, ("n2",)
    )
    assert not attached(lab, "n2", "e3")
    lab.exec("n2", "python3", "-m", "agent.cli.main", "resume")
    story.wait_for(lab, outcome("healed", "hardif-missing"), made.at, HEALED_S, ("n2",))
    wait_whole(lab)
