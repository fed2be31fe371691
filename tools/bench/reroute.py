# SPDX-License-Identifier: Apache-2.0
"""Rerouting on wires: ring:6 and grid:3x3 with agents, batman-adv alone with its default timers beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tools.bench.campaign import Campaign, campaign, control_bytes, summary
from tools.bench.table import Table
from tools.lab import lifecycle
from tools.lab.client import Lab

FAULTS = ("link-dead", "node-dead", "one-way")
COUNT = int(os.environ.get("X0_BENCH_COUNT", "20"))  # injections per fault with agents
COUNT_ALONE = int(
    os.environ.get("X0_BENCH_COUNT_ALONE", "3")
)  # batman-adv alone varies little and takes long
WATCH = 12.0
WATCH_ALONE = 20.0  # one-way never heals there: longer would only cost time
# Injecting every ten seconds for half an hour is no life a mesh has: what bounds how often the agents act in
# an hour or a minute is widened; nothing that decides how fast one fault is found or treated.
OVERRIDES: dict[str, Any] = {
    "mesh.haste_per_minute": 20,
    "healing.budget_per_hour": 1000,
    "healing.moves_per_two_minutes": 100,
    "healing.cooldown_first": 0.5,
    "healing.cooldown_max": 1.0,
    "healing.thresholds.reattach_after_s": 1.0,
}
TOPOLOGIES = (("ring:6", "n1", "n4"), ("grid:3x3", "n1", "n9"))


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    return measure(TOPOLOGIES, FAULTS, "Rerouting on wires: gap in a flow of 20 pings/s")


def measure(
    topologies: Sequence[tuple[str, str, str]], faults: Sequence[str], title: str
) -> tuple[dict[str, Any], str]:
    """The same for any topologies: (topology, flow's source, flow's target)."""
    figures: dict[str, Any] = {}
    table = Table(title)
    table.head(
        "topology", "fault", "who", "n", "median s", "p95 s", "worst s", "unhealed", "return gap s", "ratio"
    )
    for topology, source, target in topologies:
        alone = _run(topology, source, target, faults, agents=False)
        ours = _run(topology, source, target, faults, agents=True)
        figures[topology] = {"agents": ours, "alone": alone}
        for fault in faults:
            mine, theirs = summary(ours["campaigns"][fault]), summary(alone["campaigns"][fault])
            for who, one in (("x0tta6bl4", mine), ("batman-adv alone", theirs)):
                gaps = (f"{value:.2f}" for value in (one.median, one.p95, one.worst))
                more = (str(one.unhealed), f"{one.worst_return:.2f}", f"{one.median / theirs.median:.2f}")
                table.row(topology, fault, who, str(one.count), *gaps, *more)
        rest = {name: each["control_bytes"] for name, each in figures[topology].items()}
        table.note(
            f"{topology}: at rest a link's end sends {rest['agents']:.0f} B/s with agents (hellos included), "
            f"{rest['alone']:.0f} B/s with batman-adv alone: ratio {rest['agents'] / rest['alone']:.2f}"
        )
    table.note("an unhealed gap counts as the time it was watched; n, median, p95 over all injections")
    table.note(f"agents run with {', '.join(f'{key}={value}' for key, value in OVERRIDES.items())}")
    return msgspec.to_builtins(figures), table.text()


def _run(topology: str, source: str, target: str, faults: Sequence[str], *, agents: bool) -> dict[str, Any]:
    with _lab(topology, agents=agents) as lab:
        found: dict[str, Campaign] = {}
        control = control_bytes(lab)
        who = "agents" if agents else "alone"
        for fault in faults:
            count, watch = (COUNT, WATCH) if agents else (COUNT_ALONE, WATCH_ALONE)
            found[fault] = campaign(lab, fault, count, source, target, watch, agents)
            one = summary(found[fault])
            gaps = f"median {one.median:.2f} s, p95 {one.p95:.2f} s, worst {one.worst:.2f} s"
            missed = f"unhealed {one.unhealed}/{one.count}, missed the flow {found[fault].missed}"
            print(f"{topology} {who:6} {fault}: {gaps}, {missed}", flush=True)
        return {"control_bytes": control, "campaigns": found}


@contextlib.contextmanager
def _lab(topology: str, *, agents: bool) -> Iterator[Lab]:
    name = f"bench-{os.getpid()}"
    lab = lifecycle.up(topology, name=name, agents=agents, overrides=OVERRIDES)
    try:
        yield lab
    finally:
        lifecycle.down(name)
