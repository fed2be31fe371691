# SPDX-License-Identifier: Apache-2.0
"""A way that was lost and came back is passed on again: not by batman-adv alone, with agents it is.

The flaw and what helps: agent/mesh/secondneighbour.py. The ring is n1 to n6; the wire that leaves is n5-n6.
Told by what arrives on the wires and by the best way in `batctl o`.
"""

from __future__ import annotations

import time

import pytest

from tests.lab.waits import best, until
from tools.lab import ways
from tools.lab.client import Lab

OUT_S = 3.0  # batman-adv purges at once; the agents have found it and acted by then
WATCHED_S = 8.0  # eight OGMs of batman-adv's own interval: a kernel without the flaw passes the first one on
BACK_S = 20.0  # with agents: their look, a new neighbour's ELP, an OGM, all on an emulated machine
LISTEN_S = 2.0  # for one look


def hears(lab: Lab, node: str, target: str, device: str, seconds: float = LISTEN_S) -> bool:
    return ways.missing(lab, {(node, target): frozenset({device})}, seconds) == []


@pytest.mark.long  # it ends its lab: only an agent makes that mesh whole again
def test_batman_adv_alone_never_passes_on_again_what_came_back(spent_ring6: Lab) -> None:
    lab = spent_ring6
    assert ways.wait(lab, BACK_S) == [], "each way is known before"
    for node, device in (("n6", "e5"), ("n5", "e6")):
        lab.exec(node, "ip", "link", "set", device, "nomaster")
    time.sleep(OUT_S)
    for node, device in (("n6", "e5"), ("n5", "e6")):
        lab.exec(node, "ip", "link", "set", device, "master", "bat0")
    until(
        lambda: hears(lab, "n6", "n5", "e5") and hears(lab, "n5", "n6", "e6"),
        "the wire is used again",
        BACK_S,
    )
    assert hears(lab, "n1", "n6", "e6"), "the wire beside it was never lost"
    if hears(lab, "n1", "n5", "e6", WATCHED_S):
        pytest.fail(
            "good news: this kernel's batman-adv passes on what came back, n1 hears n5 past n6 again. "
            "Its flaw is mended; see whether agent/mesh/secondneighbour.py can go (docs/decisions/0004)"
        )
    assert best(lab, "n1", "n5") == "e2", "the ring has become a line: the long way round"


@pytest.mark.long  # after each test that breaks a wire all ways are listened for (conftest.py)
def test_with_agents_a_way_that_came_back_is_used_from_both_its_sides(lab_ring6: Lab) -> None:
    lab = lab_ring6
    until(
        lambda: best(lab, "n1", "n5") == "e6" and best(lab, "n4", "n6") == "e5",
        "the short ways before",
        BACK_S,
    )
    lab.exec("n6", "ip", "link", "set", "e5", "down")
    try:
        until(lambda: best(lab, "n1", "n5") == "e2", "n1 goes the long way", BACK_S)
        time.sleep(OUT_S)
    finally:
        lab.exec("n6", "ip", "link", "set", "e5", "up")
    until(lambda: best(lab, "n1", "n5") == "e6", "n1 reaches n5 past n6 again", BACK_S)
    until(lambda: best(lab, "n4", "n6") == "e5", "n4 reaches n6 past n5 again", BACK_S)
    assert hears(lab, "n1", "n5", "e6")
    assert hears(lab, "n4", "n6", "e5")
