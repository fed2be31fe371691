# SPDX-License-Identifier: Apache-2.0
"""`x0 explain FAULT`: what a fault is, how it is recognised and treated, what to do by hand, its episodes.

The first part comes from the fault's own file and works without an agent.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import RefusedError, UnreachableError, ask, socket_path
from agent.cli.text import as_json, clean, colour, duration, labelled

if TYPE_CHECKING:
    from agent.faults.base import Fault

SUBJECTS = (
    "hardif/LINK/NEIGHBOUR",
    "hardif/LINK",
    "node/NODE",
    "service/NAME",
)  # stand-ins to ask a ladder with


def add(parser: argparse.ArgumentParser) -> None:
    """The fault."""
    parser.add_argument(
        "fault", metavar="FAULT", help="a fault, e.g. link-dead, or an episode's id from x0 faults --json"
    )


def run(options: argparse.Namespace) -> int:
    """0 where the fault is known, 1 where not."""
    from agent.faults import discover  # late: the other commands start faster without it

    faults = {fault.id: fault for fault in discover()}
    episodes, trouble = _episodes(options)
    wanted = options.fault
    if wanted not in faults and episodes:
        wanted = str(episodes[0].get("fault"))
    if wanted not in faults:
        return _unknown(options, sorted(faults), trouble)
    known = describe(faults[wanted])
    if options.json:
        print(as_json({**known, "episodes": episodes, "agent": trouble or "answered"}))
    else:
        print(render(known, episodes, trouble))
    return OK


def describe(fault: Fault) -> dict[str, Any]:
    """What the fault's own file says: id, title, meaning, recognised, ladder, by_hand."""
    import inspect  # late, as in the other commands: it is a quarter of their start-up time

    module = inspect.getdoc(inspect.getmodule(type(fault))) or ""
    first = module.partition("\n\n")[0].replace("\n", " ")
    meaning = first.removeprefix(f"{fault.id}:").strip()
    return {
        "fault": fault.id,
        "title": fault.title,
        "meaning": meaning[:1].upper() + meaning[1:],
        "recognised": [" ".join(part.split()) for part in (inspect.getdoc(type(fault)) or "").split("\n\n")],
        "ladder": _ladder(fault),
        "by_hand": fault.by_hand,
        "explains": sorted(fault.explains),
    }


def render(known: dict[str, Any], episodes: list[dict[str, Any]], trouble: str) -> str:
    """For a terminal."""
    lines = [colour(f"{known['fault']}: {known['title']}", "strong"), "", labelled("Means", known["meaning"])]
    for number, part in enumerate(known["recognised"]):
        lines.append(labelled("" if number else "Recognised", part))
    for number, rung in enumerate(known["ladder"], 1):
        lines.append(
            labelled("" if number > 1 else "Ladder", f"{number}. {rung['title']} ({rung['action']})")
        )
    lines.append(labelled("By hand", known["by_hand"]))
    lines.append("")
    if trouble:
        lines.append(labelled("Episodes", f"unknown: {trouble}"))
    elif not episodes:
        lines.append(labelled("Episodes", "none since the agent started"))
    for row in episodes:
        lines += _episode(row)
    return "\n".join(lines).rstrip()


def _episode(row: dict[str, Any]) -> list[str]:
    began = f"{duration(row['onset_ago'])} ago" if row.get("onset_ago") is not None else "?"
    found = f", found after {duration(row['found_after'])}" if row.get("found_after") is not None else ""
    lines = [f"{clean(row.get('subject'))}: {clean(row.get('state'))}, began {began}{found}"]
    lines += [labelled("  Seen", row.get("sentence") or "")]
    for name, seen in (row.get("evidence") or {}).items():
        lines.append(labelled("", f"{name}: {seen}"))
    decision, outcome = row.get("decision") or {}, row.get("outcome") or {}
    if decision:
        lines.append(labelled("  Decided", f"{decision.get('verdict')}: {decision.get('sentence')}"))
    if outcome:
        after = outcome.get("after_onset")
        when = f" ({duration(after)} after it began)" if after is not None else ""
        lines.append(labelled("  Outcome", f"{outcome.get('result')}{when}: {outcome.get('sentence')}"))
    return [*lines, ""]


def _episodes(options: argparse.Namespace) -> tuple[list[dict[str, Any]], str]:
    """(episodes, "") from the agent, or ([], why there are none)."""
    try:
        result = ask(socket_path(options.socket), "explain", {"fault": options.fault})
    except (UnreachableError, RefusedError) as error:
        return [], error.what
    return list(result.get("episodes") or []), ""


def _ladder(fault: Fault) -> list[dict[str, str]]:
    """The rungs, asked of the fault itself about a neighbour or a machine that could have it; each once."""
    from agent.events import Diagnosis, Snapshot
    from agent.faults.base import Thresholds, View
    from agent.hostreadings import Clock, Host, NeighbourTable, Process
    from agent.readings import Echo, Service
    from agent.remedies import discover

    titles = {action.id: action.title for action in discover()}
    able = Echo("LINK", "NEIGHBOUR", 1, 1, 0.0, 0, ever_answered=True)
    machine = Host(
        mem_total=100,
        mem_available=1,
        biggest=(Process(1, "NAME", 90),),
        neighbour_tables=(NeighbourTable("arp_cache", 1, 1, 0),),
        clock=Clock(step_s=3600.0, trusted_offset=0.0, unsynchronised_age=1.0, service="UNIT"),
    )
    running = (Service("NAME", "running", 1),)
    example = Snapshot(at=0.0, wall=0.0, echoes=(able,), host=machine, services=running)
    view = View(0.0, example, (), Thresholds(), (), "x0prim", "bat0", ("NAME",))
    rungs: list[dict[str, str]] = []
    for subject in SUBJECTS:
        try:
            ladder = fault.ladder(Diagnosis("example", fault.id, subject, 0.0, 0.0, {}), view)
        except (ValueError, LookupError):  # a subject of another kind
            continue
        for remedy in ladder:
            if remedy.action not in [rung["action"] for rung in rungs]:
                rungs.append({"action": remedy.action, "title": titles.get(remedy.action, remedy.action)})
        if rungs:
            break
    return rungs


def _unknown(options: argparse.Namespace, known: list[str], trouble: str) -> int:
    import difflib

    close = difflib.get_close_matches(options.fault, known, 1, 0.5)
    mend = f"did you mean {close[0]}?" if close else f"the faults are {', '.join(known)}"
    if options.json:
        error = {"what": f"there is no fault {options.fault}", "mend": mend}
        print(as_json({"ok": False, "error": error, "agent": trouble or "answered"}))
    else:
        print(f"There is no fault {clean(options.fault)}. Mend: {mend}")
    return PROBLEM


COMMAND = Command("explain", "what a fault is, how it is recognised and repaired, and its episodes", add, run)
