# SPDX-License-Identifier: Apache-2.0
"""Faults of radios, by the agents' own logs: found, treated step by step, healed. One injection each."""

from __future__ import annotations

import os
from typing import Any

from tools.bench.reroute import OVERRIDES
from tools.bench.table import Table
from tools.lab import lifecycle, story
from tools.lab.client import Lab
from tools.lab.story import Event

TOPOLOGY = "radio:4:ring"
LIMIT_S = 300.0  # the last step is due three minutes after the onset
HEALTHY_S = 120.0
# (injected, node, peer, named, step that mends it, its result); another node each: a relapse waits longer
CASES: tuple[tuple[str, str, str | None, str, str, str], ...] = (
    ("one-way", "n1", "n2", "one-way", "mute-neighbour", "contained"),
    ("wifi-deaf", "n4", None, "wifi-deaf", "scan-radio", "healed"),
    ("wifi-deaf-hard", "n2", None, "wifi-deaf", "rejoin-mesh", "healed"),
    ("wifi-deaf-stuck", "n3", None, "wifi-deaf", "restart-radio", "healed"),
    ("mesh-lost-ap-ok", "n1", None, "mesh-lost-ap-ok", "rejoin-mesh", "healed"),
)


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    name = f"bench-{os.getpid()}"
    table = Table("Faults of radios (radio:4:ring): seconds after the injection, one injection each")
    table.head("injected", "named", "step", "taken", "mended")
    figures: dict[str, Any] = {}
    lab = lifecycle.up(TOPOLOGY, name=name, agents=True, overrides=OVERRIDES)
    try:
        for case in CASES:
            figures[case[0]] = once = _once(lab, *case)
            seconds = {key: f"{value:.2f}" for key, value in once.items()}
            table.row(case[0], seconds["named"], case[4], seconds["taken"], seconds["mended"])
    finally:
        lifecycle.down(name)
    table.note("hwsim has no receiver to fail: a deaf radio hears again when the kernel tells of its cure")
    return figures, table.text()


def _once(
    lab: Lab, injected: str, node: str, peer: str | None, fault: str, step: str, result: str
) -> dict[str, float]:
    made = lab.inject(injected, node, peer)

    def named(event: Event) -> bool:
        return event.event in ("diagnosis", "reclassified") and event.fields["fault"] == fault

    def mended(event: Event) -> bool:
        return (
            event.event == "outcome"
            and event.fields["fault"] == fault
            and event.fields.get("result") == result
        )

    times = {
        "named": story.wait_for(lab, named, made.at, LIMIT_S),
        "taken": story.wait_for(lab, lambda e: e.event == "action" and step in e.message, made.at, LIMIT_S),
        "mended": story.wait_for(lab, mended, made.at, LIMIT_S),
    }
    lab.clear()
    lifecycle.wait_healthy(lab, lab.nodes, HEALTHY_S)
    return {key: event.at - made.at for key, event in times.items()}
