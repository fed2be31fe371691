# SPDX-License-Identifier: Apache-2.0
"""Every fault of the lab, by the agents' own logs: found, named, acted, mended after, and how it ended."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

from tools.bench.faultcases import SCENES, Case, Scene
from tools.bench.kept import keep
from tools.bench.reroute import OVERRIDES
from tools.bench.table import Table
from tools.lab import internet, lifecycle, story
from tools.lab.client import Lab
from tools.lab.errors import LabError, NotReadyError
from tools.lab.story import Event

WHOLE_S = 240.0  # a gateway waits for half a minute of answers, a radio for its peerings
CHOSEN_S = 3.0  # for a kernel to choose its gateway
MENDED = ("contained", "healed")
COLUMNS = ("sign", "named", "acted", "mended")


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    table = Table("Faults of the lab: seconds after the injection (times of an emulated machine)")
    table.head(
        "injected", "lab", "n", "first sign said", "named right", "acted", "mended", "action", "outcome"
    )
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
        where = Path(scene.topology).stem
        table.note(f"{where} with agents was ready {time.monotonic() - begun:.0f} s after `lab up`")
        time.sleep(scene.settle)
        for case in scene.cases:
            runs = [_tried(lab, case) for _ in range(case.count)]
            figures[f"{where} {case.fault}"] = runs
            table.row(case.fault, where, str(case.count), *_row(runs))
            keep(f"faults {where} {case.fault}", runs)
            lab.clear()
    except LabError as error:  # what is done already is kept; the rest of this lab would be measured broken
        table.note(f"{scene.topology} was given up: {error}")
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
        lab.take_back()  # what could not be taken back is said by the next `clear`


def _once(lab: Lab, case: Case) -> dict[str, Any]:
    tellers = (case.teller,) if case.teller else None
    if case.choose and case.teller:
        for words in (("off",), ("client", "1000")):
            lab.exec(case.teller, "batctl", "meshif", "bat0", "gw_mode", *words)
        time.sleep(CHOSEN_S)
    made = lab.inject(case.fault, case.node, case.peer)
    since = made.at + case.ahead
    begins = f"begins: {case.step}"

    def is_named(event: Event) -> bool:
        return event.event in ("diagnosis", "reclassified") and event.fields["fault"] in case.known_as

    def is_sign(event: Event) -> bool:
        return event.event in ("suspicion", "diagnosis")

    def is_step(event: Event) -> bool:
        against = event.fields.get("fault") in case.treated_as
        return event.event == "action" and against and event.message.startswith(begins)

    def is_mended(event: Event) -> bool:
        own = event.fields.get("fault") in case.treated_as
        return event.event == "outcome" and own and event.fields.get("result") in MENDED

    named = story.wait_for(lab, is_named, since, case.within, tellers)
    sign = story.wait_for(lab, is_sign, since, case.within, tellers)
    found: dict[str, Any] = {"sign": sign.at - since, "named": named.at - since}
    if not case.acts:
        return found | {"acted": None, "mended": None, "action": "none", "outcome": "said"}
    act = story.wait_for(lab, is_step, since, case.within, tellers)
    if case.cure:
        lab.exec(case.node, "sh", "-c", case.cure)
    mended = story.wait_for(lab, is_mended, made.at, case.within, tellers)
    return found | {
        "acted": act.at - since,
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
