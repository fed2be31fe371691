# SPDX-License-Identifier: Apache-2.0
"""A healthy mesh under load is left alone: no diagnosis and no action, whatever crosses it.

Attention is no action: a machine that stands still for 0.3 s makes a node look closer. That must be rare.
"""

from __future__ import annotations

import functools
import itertools
import time

import pytest

from tests.lab.waits import until
from tools.lab import story
from tools.lab.client import Lab
from tools.lab.nodeconfig import address

SHORT_S = 180.0
LONG_S = 600.0
LISTENS_S = 30.0  # for a Python to start in a crowded machine
EVENTS = frozenset({"diagnosis", "reclassified", "action", "outcome"})
ATTENTION = "hasten"  # OGMs every 100 ms for 3 s, at all nodes that were told of the doubt
SPELL_S = 5.0  # what follows within so long belongs to the same doubt
SPELLS_PER_MINUTE = 1.0  # seen: none to one in three minutes; ages read wrongly made dozens
FLOWS = (("n1", "n4"), ("n2", "n5"), ("n3", "n6"), ("n6", "n1"))
# bulk traffic: TCP one way and UDP the other, as fast as the mesh takes it; then rest, so that probes are
# squeezed and let go many times
SINK = """
import socket, threading
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('', 5001))
    while True: s.recv(65536)
threading.Thread(target=udp, daemon=True).start()
server = socket.create_server(('', 5001))
while True:
    peer, _ = server.accept()
    while peer.recv(65536): pass
"""
SOURCE = """
import socket, sys, time
where, end = (sys.argv[1], 5001), time.monotonic() + float(sys.argv[2])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
total = 0
while time.monotonic() < end:
    with socket.create_connection(where, 10) as tcp:
        stop = min(end, time.monotonic() + 8)
        while time.monotonic() < stop: total += tcp.send(b'x' * 65536)
    stop = min(end, time.monotonic() + 4)
    while time.monotonic() < stop:
        total += udp.sendto(b'x' * 1400, where)
        time.sleep(0.001)
    time.sleep(2)
print(total)
"""
BUSY = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


def listens(lab: Lab, node: str) -> bool:
    return ":5001 " in lab.exec(node, "ss", "-ltn").stdout


def left_alone(lab: Lab, seconds: float) -> None:
    since = time.time()
    flows = [lab.traffic_start(*flow).removeprefix("traffic-") for flow in FLOWS]
    sinks = ("n4", "n5")
    for node in sinks:
        lab.exec(node, "sh", "-c", f'setsid timeout {seconds + 60:.0f} python3 -c "{SINK}" >/dev/null 2>&1 &')
    for node in sinks:
        until(functools.partial(listens, lab, node), f"{node} takes what is sent", LISTENS_S)
    lab.exec("n3", "sh", "-c", f"setsid nice -n 5 python3 -c '{BUSY}' {seconds:.0f} >/dev/null 2>&1 &")
    lab.exec("n2", "sh", "-c", f'setsid python3 -c "{SOURCE}" {address(5)} {seconds:.0f} >/dev/null 2>&1 &')
    carried = lab.exec("n1", "python3", "-c", SOURCE, address(4), f"{seconds:.0f}", timeout=seconds + 60)
    assert int(carried.stdout) > seconds * 10_000, "the load was none"
    events = list(story.events(lab, since=since))
    told = [event for event in events if event.event in EVENTS]
    assert told == [], "\n".join(f"{e.at - since:.1f} {e.node} {e.event}: {e.message}" for e in told)
    closer = sorted(event.at for event in events if event.event == ATTENTION)
    spells = sum(at - before > SPELL_S for before, at in itertools.pairwise([0.0, *closer]))
    assert spells <= seconds / 60 * SPELLS_PER_MINUTE, f"{spells} doubts about a healthy mesh"
    assert {node: lab.health(node) for node in lab.nodes} == dict.fromkeys(lab.nodes, "healthy")
    reports = lab.traffic_stop()  # those of earlier tests as well
    for flow in flows:
        assert reports[flow].received > seconds * 5, flow


@pytest.mark.timeout(400)
def test_a_healthy_mesh_under_load_sees_no_diagnosis_and_no_action(lab_ring6: Lab) -> None:
    left_alone(lab_ring6, SHORT_S)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_healthy_mesh_under_load_is_left_alone_for_ten_minutes(lab_ring6: Lab) -> None:
    left_alone(lab_ring6, LONG_S)
