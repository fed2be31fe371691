# SPDX-License-Identifier: Apache-2.0
"""`x0 faults`: the open faults and the newest ended ones."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import ask, socket_path
from agent.cli.text import as_json, duration, labelled, table


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(options: argparse.Namespace) -> int:
    """0 while no fault is open, else 1."""
    result: dict[str, Any] = ask(socket_path(options.socket), "faults")
    faults: list[dict[str, Any]] = result.get("faults") or []
    if options.json:
        print(as_json(result))
    else:
        print(render(faults))
    return PROBLEM if any(row.get("open") for row in faults) else OK


def render(faults: list[dict[str, Any]]) -> str:
    """A table, and under it the newest sentences."""
    if not faults:
        return "No fault since the agent started."
    lines = [fault_table(faults)]
    for row in faults:
        if row.get("open"):
            lines += ["", labelled(str(row.get("fault")), sentence(row), indent=18)]
    lines += ["", "More on one of them: x0 explain FAULT"]
    return "\n".join(lines)


def sentence(row: dict[str, Any]) -> str:
    """What is wrong and what came of it."""
    decision, outcome = row.get("decision") or {}, row.get("outcome") or {}
    parts = [row.get("sentence"), decision.get("sentence"), outcome.get("sentence")]
    return " ".join(str(part) for part in parts if part)


def fault_table(faults: list[dict[str, Any]]) -> str:
    """Rows as agent/status.py makes them."""
    rows = []
    for row in faults:
        decision, outcome = row.get("decision") or {}, row.get("outcome") or {}
        after = outcome.get("after_onset")
        rows.append(
            (
                row.get("fault"),
                row.get("subject"),
                row.get("state"),
                f"{duration(row['onset_ago'])} ago" if row.get("onset_ago") is not None else "",
                outcome.get("action") or decision.get("action"),
                duration(after) if after is not None else "",
            )
        )
    return table(("FAULT", "SUBJECT", "STATE", "BEGAN", "ACTION", "ENDED AFTER"), rows)


COMMAND = Command("faults", "open faults and the newest ended ones", add, run)
