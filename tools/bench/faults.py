# SPDX-License-Identifier: Apache-2.0
"""Every fault of the lab, by the agents' own logs: found, named, acted, mended after, and how it ended."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

from tools.bench.faultcases import SCENES, Case, Scene
from tools.bench.reroute import OVERRIDES
from tools.bench.table import Table
from tools.lab import internet, lifecycle, story
from tools.lab.client import Lab
from tools.lab.errors import LabError, NotReadyError
from tools.lab.story import Event

WHOLE_S = 240.0  # a gateway waits for half a minute of answers, a radio for its peerings
MENDED = ("contained", "healed")
COLUMNS = ("sign", "named", "acted", "mended")


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    table = Table("Faults of the lab: seconds after the injection (times of an emulated machine)")
    table.head("injected", "n", "first sign said", "named right", "acted", "mended", "action", "outcome")
    figures: dict[str, Any] = {}
    for scene in SCENES:
        _scene(scene, figures, table)
    table.note("medians over n injections; where nothing is done (no action) the fault is only said")
    table.note("mended: traffic no longer depends on it, or the cause is gone, as the agent verified")
    return figures, table.text()


def _scene(scene: Scene, figures: dict[str, Any], table: Table) -> None:
    name = f"bench-{os.getpid()}"
    begun = time.monotonic()
    lab = lifecycle.up(scene.topology, name=name, agents=True, overrides=OVERRIDES | scene.overrides)
    try:
        for node in scene.gateways:
            internet.start(lab, node)
        table.note(f"{scene.topology} with agents was ready {time.monotonic() - begun:.0f} s after `lab up`")
        for case in scene.cases:
            runs = [_tried(lab, case) for _ in range(case.count)]
            figures[case.fault] = runs
            table.row(case.fault, str(case.count), *_row(runs))
    finally:
        lifecycle.down(name)


def _row(runs: list[dict[str, Any]]) -> list[str]:
    good = [one for one in runs if "error" not in one]
    cells = []
    for key in COLUMNS:
        values = [one[key] for one in good if one[key] is not None]
        cells.append(f"{statistics.median(values):.2f}" if values else "")
    failed = [f"{len(runs) - len(good)} of {len(runs)} not found or mended"] if len(good) < len(runs) else []
    for key, more in (("action", []), ("outcome", failed)):
        cells.append(", ".join([*sorted({one[key] for one in good}), *more]))
    return cells


def _tried(lab: Lab, case: Case) -> dict[str, Any]:
    """One injection; what did not happen in time is a figure too, and spares the other faults."""
    try:
        _whole(lab)
        return _once(lab, case)
    except (AssertionError, NotReadyError) as error:
        return {"error": str(error)[-2000:]}
    finally:
        lab.clear()


def _once(lab: Lab, case: Case) -> dict[str, Any]:
    made = lab.inject(case.fault, case.node, case.peer)
    tellers = (case.teller,) if case.teller else None

    def is_named(event: Event) -> bool:
        return event.event in ("diagnosis", "reclassified") and event.fields["fault"] in case.known_as

    def is_mended(event: Event) -> bool:
        return event.event == "outcome" and event.fields.get("result") in MENDED

    signs = ("suspicion", "diagnosis")
    named = story.wait_for(lab, is_named, made.at, case.named_s, tellers)
    sign = story.wait_for(lab, lambda event: event.event in signs, made.at, case.named_s, tellers)
    found = {"sign": sign.at - made.at, "named": named.at - made.at}
    if not case.acts:
        return found | {"acted": None, "mended": None, "action": "", "outcome": "said"}
    act = story.wait_for(lab, lambda event: event.event == "action", made.at, case.mended_s, tellers)
    mended = story.wait_for(lab, is_mended, made.at, case.mended_s, tellers)
    return found | {
        "acted": act.at - made.at,
        "mended": mended.at - made.at,
        "action": act.message.split()[1],
        "outcome": str(mended.fields["result"]),
    }


def _whole(lab: Lab) -> None:
    """Every agent healthy for two looks in a row, so that one run's end is not the next one's beginning."""
    end, calm = time.monotonic() + WHOLE_S, 0
    while calm < 2:
        try:
            states = {node: lab.health(node) for node in lab.nodes}
        except LabError as error:
            raise NotReadyError(f"the mesh cannot be asked: {error}") from error
        calm = calm + 1 if set(states.values()) == {"healthy"} else 0
        if time.monotonic() > end:
            raise NotReadyError(f"the mesh was not whole within {WHOLE_S:.0f} s: {states}")
        time.sleep(1.0)
