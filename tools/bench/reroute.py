# SPDX-License-Identifier: Apache-2.0
"""Rerouting on wires: ring:6 and grid:3x3 with agents, batman-adv alone with its default timers beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgspec

from tools.bench.campaign import Campaign, campaign, control_bytes, killed, merged, summary
from tools.bench.kept import keep
from tools.bench.speed import loop_ms
from tools.bench.table import Table
from tools.lab import lifecycle
from tools.lab.client import Lab

FAULTS = ("link-dead", "node-dead", "one-way")
COUNT = int(os.environ.get("X0_BENCH_COUNT", "20"))  # injections per fault with agents
COUNT_ALONE = int(
    os.environ.get("X0_BENCH_COUNT_ALONE", "3")
)  # batman-adv alone varies little and takes long
MOST_LABS = 4  # a mesh that does not become whole again is made anew so often for one fault
WATCH = 12.0
WATCH_ALONE = 20.0  # one-way never heals there: longer would only cost time
# Injecting every ten seconds for half an hour is no life a mesh has: what bounds how often the agents act in
# an hour or a minute is widened; nothing that decides how fast one fault is found or treated.
OVERRIDES: dict[str, Any] = {
    "mesh.haste_per_minute": 20,
    "healing.budget_per_hour": 1000,
    "healing.moves_per_two_minutes": 100,
    "healing.undone_within": 0.0,
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
        table.note(
            f"{topology}: longest gap in the ten seconds after every agent was killed (SIGKILL): "
            f"{ours['killed_gap']:.2f} s"
        )
        speeds = ", ".join(f"{value:.0f}" for value in ours["loop_ms"])
        table.note(
            f"{topology}: a fixed Python loop took {speeds} ms before, between and after the campaigns"
        )
        for fault in faults:
            if why := ours["campaigns"][fault].stuck:
                table.note(f"{topology} {fault}: the lab had to be made anew: {why}")
    table.note("an unhealed gap counts as the time it was watched; n, median, p95 over all injections")
    table.note(f"agents run with {', '.join(f'{key}={value}' for key, value in OVERRIDES.items())}")
    return msgspec.to_builtins(figures), table.text()


def _run(topology: str, source: str, target: str, faults: Sequence[str], *, agents: bool) -> dict[str, Any]:
    count, watch = (COUNT, WATCH) if agents else (COUNT_ALONE, WATCH_ALONE)
    who = "agents" if agents else "alone"
    found: dict[str, Campaign] = {}
    name = f"bench-{os.getpid()}"

    def made() -> Lab:
        return lifecycle.up(topology, name=name, agents=agents, overrides=OVERRIDES)

    lab = made()
    try:
        speeds = [loop_ms()]
        result: dict[str, Any] = {"control_bytes": control_bytes(lab), "campaigns": found, "loop_ms": speeds}
        for fault in faults:
            parts = [campaign(lab, fault, count, source, target, watch, agents)]
            while parts[-1].stuck and len(parts) < MOST_LABS:
                print(f"{topology} {who:6} {fault}: {parts[-1].stuck}", flush=True)
                lifecycle.down(name)
                lab = made()
                left = count - sum(len(part.trials) for part in parts)
                parts.append(campaign(lab, fault, left, source, target, watch, agents))
            found[fault] = merged(parts)
            speeds.append(loop_ms())
            keep(f"{topology} {who} {fault}", msgspec.to_builtins(found[fault]) | {"loop_ms": speeds[-2:]})
            one = summary(found[fault])
            gaps = f"median {one.median:.2f} s, p95 {one.p95:.2f} s, worst {one.worst:.2f} s"
            missed = f"unhealed {one.unhealed}/{one.count}, missed the flow {found[fault].missed}"
            speed = f"machine's loop {speeds[-2]:.0f} and {speeds[-1]:.0f} ms"
            print(f"{topology} {who:6} {fault}: {gaps}, {missed}; {speed}", flush=True)
        if agents:
            result["killed_gap"] = killed(lab, source, target)
        return result
    finally:
        lifecycle.down(name)
