# SPDX-License-Identifier: Apache-2.0
"""Faults of the machine, by the agents' own logs: found, treated, healed. One injection each."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any

from tools.bench.reroute import OVERRIDES
from tools.bench.table import Table
from tools.lab import lifecycle, story
from tools.lab.client import Lab
from tools.lab.faults.clock_wrong import AHEAD_S
from tools.lab.faults.root_readonly import MS_REMOUNT, REMOUNT
from tools.lab.faults.thermal import HEAT
from tools.lab.story import Event

TOPOLOGY = "vm:2"  # clock, memory, root and neighbour tables are a machine's, not a namespace's
STATE = {"node.state_dir": "/run/x0-state"}  # beside the root, which is made read-only
LIMIT_S = 180.0  # filling the memory of an emulated machine takes a minute
HEALTHY_S = 120.0


@dataclass(frozen=True)
class Case:
    """`step` "": nothing is done. `cure`: what takes the cause away, "" where the step does."""

    fault: str
    step: str
    result: str
    cure: str = ""
    ahead: float = 0.0  # seconds the agent's log is ahead until it is mended


CASES = (
    Case("disk-full", "drop-old-logs", "healed"),
    Case("thermal", "rest", "healed", cure=f"echo 60000 >{HEAT}"),
    Case("neigh-overflow", "raise-neighbour-limit", "contained"),
    Case("memory-pressure", "restart-service", "healed"),
    Case("clock-wrong", "set-clock-back", "healed", ahead=AHEAD_S),
    Case("root-readonly", "", "gone", cure=shlex.join(["python3", "-S", "-c", REMOUNT, str(MS_REMOUNT)])),
)


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    name = f"bench-{os.getpid()}"
    table = Table("Faults of the machine (vm:2): seconds after they were in force, one injection each")
    table.head("injected", "named", "step", "taken", "mended")
    figures: dict[str, Any] = {}
    lab = lifecycle.up(TOPOLOGY, name=name, agents=True, overrides=OVERRIDES | STATE)
    try:
        for number, case in enumerate(CASES):
            figures[case.fault] = once = _once(lab, case, lab.nodes[number % 2])
            cells = {key: f"{value:.1f}" for key, value in once.items()}
            table.row(
                case.fault, cells["named"], case.step or "none", cells.get("taken", ""), cells["mended"]
            )
    finally:
        lifecycle.down(name)
    table.note("the machine is looked at every 5 s, every 2 s where something is suspected")
    table.note(
        "thermal: a file stands in for the sensor; thermal and root-readonly end after their cause does"
    )
    return figures, table.text()


def _once(lab: Lab, case: Case, node: str) -> dict[str, float]:
    made = lab.inject(case.fault, node)
    in_force = made.at + made.took_ms / 1000 + case.ahead
    since = made.at + case.ahead

    def named(event: Event) -> bool:
        return event.event == "diagnosis" and event.fields["fault"] == case.fault

    def mended(event: Event) -> bool:
        fields = event.fields
        return (
            event.event == "outcome" and fields["fault"] == case.fault and fields.get("result") == case.result
        )

    found = story.wait_for(lab, named, since, LIMIT_S, (node,))
    times = {"named": found.at - in_force}
    if case.step:
        begun = f"begins: {case.step} on "
        acted = story.wait_for(
            lab, lambda e: e.event == "action" and e.message.startswith(begun), since, LIMIT_S, (node,)
        )
        times["taken"] = acted.at - in_force
    if case.cure:
        lab.exec(node, "sh", "-c", case.cure)
    end = story.wait_for(lab, mended, made.at, LIMIT_S, (node,))
    times["mended"] = end.at - (in_force - case.ahead)
    lab.clear()
    lifecycle.wait_healthy(lab, lab.nodes, HEALTHY_S)
    return times
