# SPDX-License-Identifier: Apache-2.0
"""Every fault of the lab, by the agents' own logs: found, named, acted, mended after; and lab times."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

from tools.bench.reroute import OVERRIDES
from tools.bench.table import Table
from tools.lab import lifecycle, story
from tools.lab.client import Lab
from tools.lab.errors import NotReadyError
from tools.lab.story import Event

TOPOLOGY = "ring:6"
COUNT = 3
NAMED_S = 15.0
HEALED_S = 60.0
# (injected, node, peer, the names it may get)
CASES: tuple[tuple[str, str, str | None, tuple[str, ...]], ...] = (
    ("link-dead", "n2", "n3", ("link-dead",)),
    ("one-way", "n4", "n5", ("one-way",)),
    ("node-dead", "n6", None, ("node-dead",)),
    ("link-lossy", "n5", "n6", ("link-lossy",)),
    ("hardif-missing", "n3", "n4", ("hardif-missing",)),
    ("mtu-small", "n3", "n4", ("mtu-small",)),
    ("metric-wrong", "n4", "n5", ("metric-wrong",)),
    ("mac-duplicate", "n2", "n3", ("mac-duplicate",)),
    ("mesh-if-down", "n5", None, ("mesh-if-missing",)),
    ("service-dead", "n1", None, ("service-dead",)),
    ("service-hung", "n2", None, ("service-dead",)),
)


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    name = f"bench-{os.getpid()}"
    table = Table(
        "Faults of the lab: seconds after the injection, median of 3 (times of an emulated machine)"
    )
    table.head("injected", "first sign said", "named right", "acted", "mended", "action")
    figures: dict[str, Any] = {}
    begun = time.monotonic()
    lab = lifecycle.up(TOPOLOGY, name=name, agents=True, overrides=OVERRIDES)
    ready = time.monotonic() - begun
    try:
        for fault, node, peer, names in CASES:
            runs = [_once(lab, fault, node, peer, names) for _ in range(COUNT)]
            figures[fault] = runs
            medians = [
                statistics.median(one[key] for one in runs) for key in ("sign", "named", "acted", "mended")
            ]
            actions = ", ".join(sorted({one["action"] for one in runs}))
            table.row(fault, *(f"{value:.2f}" for value in medians), actions)
    finally:
        lifecycle.down(name)
    figures["lab_ready_s"] = ready
    table.note(f"{TOPOLOGY} with agents was ready {ready:.1f} s after `lab up` began")
    table.note("mended: traffic no longer depends on the link, or the service answers, as the agent verified")
    return figures, table.text()


def _once(lab: Lab, fault: str, node: str, peer: str | None, names: tuple[str, ...]) -> dict[str, Any]:
    _whole(lab)
    made = lab.inject(fault, node, peer)

    def is_named(event: Event) -> bool:
        return event.event in ("diagnosis", "reclassified") and event.fields["fault"] in names

    def is_mended(event: Event) -> bool:
        return event.event == "outcome" and event.fields.get("result") in ("contained", "healed")

    signs = ("suspicion", "diagnosis")
    sign = story.wait_for(lab, lambda event: event.event in signs, made.at, NAMED_S)
    named = story.wait_for(lab, is_named, made.at, NAMED_S)
    act = story.wait_for(lab, lambda event: event.event == "action", made.at, NAMED_S)
    mended = story.wait_for(lab, is_mended, made.at, HEALED_S)
    lab.clear()
    _whole(lab)
    return {
        "sign": sign.at - made.at,
        "named": named.at - made.at,
        "acted": act.at - made.at,
        "mended": mended.at - made.at,
        "action": act.message.split()[1],
    }


def _whole(lab: Lab) -> None:
    """Every agent healthy for two looks in a row, so that one run's end is not the next one's beginning."""
    end, calm = time.monotonic() + HEALED_S, 0
    while calm < 2:
        states = {node: lab.health(node) for node in lab.nodes}
        calm = calm + 1 if set(states.values()) == {"healthy"} else 0
        if time.monotonic() > end:
            raise NotReadyError(f"the mesh was not whole within {HEALED_S:.0f} s: {states}")
        time.sleep(1.0)
