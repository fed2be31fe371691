# SPDX-License-Identifier: Apache-2.0
"""Faults of gateways and of a mesh that splits, in a lab with two gateways; once each."""

from __future__ import annotations

import os
import time
from typing import Any

from tools.bench.reroute import OVERRIDES
from tools.bench.table import Table
from tools.lab import internet, lifecycle, story
from tools.lab.client import Lab
from tools.lab.errors import NotReadyError
from tools.lab.story import Event, Wanted

TOPOLOGY = "ring:6"
GATEWAYS = {"n1": 20_000, "n4": 10_000}  # kbit/s
CLIENT = {"mesh.gateway.mode": "client"}
# (injected, node, peer, the name it gets, who finds it)
CASES: tuple[tuple[str, str, str | None, str, str], ...] = (
    ("gw-no-internet", "n1", None, "gw-no-internet", "n1"),
    ("gw-no-names", "n4", None, "gw-no-internet", "n4"),
    ("gw-stale", "n1", None, "gw-stale", "n3"),
    ("partition", "n3", "n5", "partition", "n1"),
)
FOUND_S = 60.0
ENDED_S = 120.0
KNOWN_S = 65.0  # nodes must have been known for a minute to be missed as a group


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    table = Table("Faults of gateways: seconds after the injection, once (times of an emulated machine)")
    table.head("injected", "named", "acted", "mended", "action")
    figures: dict[str, Any] = {}
    overrides: dict[str, Any] = OVERRIDES | CLIENT
    for node, kbit in GATEWAYS.items():
        overrides |= internet.gateway(node, down=kbit)
    name = f"bench-{os.getpid()}"
    lab = lifecycle.up(TOPOLOGY, name=name, agents=True, overrides=overrides)
    try:
        for node in GATEWAYS:
            internet.start(lab, node)
        time.sleep(KNOWN_S)
        for fault, node, peer, named, finder in CASES:
            once = _once(lab, fault, node, peer, named, finder)
            figures[fault] = [once]
            words = (f"{once[key]:.2f}" if key in once else "-" for key in ("named", "acted", "mended"))
            table.row(fault, *words, once["action"])
    finally:
        lifecycle.down(name)
    table.note(
        "mended: the mesh no longer sends to that gateway, as the agent verified; a split is only said"
    )
    return figures, table.text()


def _once(lab: Lab, fault: str, node: str, peer: str | None, named: str, finder: str) -> dict[str, Any]:
    _whole(lab)
    if fault == "gw-stale":
        _choose(lab, finder)
    made = lab.inject(fault, node, peer)
    found = story.wait_for(lab, _is("diagnosis", named), made.at, FOUND_S, (finder,))
    episode = found.fields["episode"]

    def of_it(kind: str) -> Wanted:
        return lambda event: event.event == kind and event.fields.get("episode") == episode

    once: dict[str, Any] = {"named": found.at - made.at, "action": "nothing"}
    if named != "partition":
        act = story.wait_for(lab, of_it("action"), made.at, FOUND_S, (finder,))
        mended = story.wait_for(lab, of_it("outcome"), made.at, ENDED_S, (finder,))
        once |= {"acted": act.at - made.at, "mended": mended.at - made.at, "action": act.message.split()[1]}
    lab.clear()
    _whole(lab)
    return once


def _choose(lab: Lab, client: str) -> None:
    """Its kernel takes the best gateway, which is the one that will die."""
    for words in (("off",), ("client", "1000")):
        lab.exec(client, "batctl", "meshif", "bat0", "gw_mode", *words)
    time.sleep(3.0)


def _is(kind: str, fault: str) -> Wanted:
    def wanted(event: Event) -> bool:
        return event.event == kind and event.fields.get("fault") == fault

    return wanted


def _whole(lab: Lab) -> None:
    end, calm = time.monotonic() + ENDED_S, 0
    while calm < 3:
        states = {node: lab.health(node) for node in lab.nodes}
        calm = calm + 1 if set(states.values()) == {"healthy"} else 0
        if time.monotonic() > end:
            raise NotReadyError(f"the mesh was not whole within {ENDED_S:.0f} s: {states}")
        time.sleep(1.0)
