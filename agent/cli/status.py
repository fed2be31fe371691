# SPDX-License-Identifier: Apache-2.0
"""`x0 status`: what is wrong, what the node does about it, what you should do; neighbours and open faults."""

from __future__ import annotations

import argparse
import time
from typing import Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import ask, socket_path
from agent.cli.faults import fault_table
from agent.cli.text import as_json, clean, colour, duration, labelled, table

KINDS = {"healthy": "good", "healing": "busy", "starting": "busy", "paused": "busy", "broken": "bad"}
BEHIND_MAX = 16  # nodes named in the line of those behind neighbours
FINE = frozenset({"healthy", "starting", "paused"})  # with no open fault these are no problem


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(options: argparse.Namespace) -> int:
    """0 while no fault is open, else 1."""
    status: dict[str, Any] = ask(socket_path(options.socket), "status")
    print(as_json(status) if options.json else render(status, time.time()))
    wrong = status.get("state") not in FINE or any(row.get("open") for row in status.get("faults") or ())
    return PROBLEM if wrong else OK


def render(status: dict[str, Any], now: float) -> str:
    """The status document (agent/status.py) for a terminal; `now` is Unix time."""
    state = clean(status.get("state", "unknown"))
    verdict = status.get("verdict") or {}
    since = status.get("since")
    lasting = f" for {duration(now - since)}" if isinstance(since, (int, float)) else ""
    head = f"{clean(status.get('node', '?'))}: {state}{lasting}"
    lines = [
        colour(head, KINDS.get(state, "strong")),
        "",
        labelled("What", verdict.get("sentence", "")),
        labelled("Doing", verdict.get("doing", "")),
        labelled("You", verdict.get("you", "")),
        labelled("Mode", _mode(status, now)),
        labelled("Agent up", duration(status.get("uptime")) + _stale(status)),
    ]
    mesh = status.get("mesh")
    lines.append(labelled("Mesh", _mesh(mesh) if mesh else "none on this machine"))
    if behind := _behind(mesh or {}):
        lines.append(labelled("Behind", behind))
    for name, error in (status.get("errors") or {}).items():
        lines.append(labelled("Unreadable", f"{name}: {error}"))
    lines += ["", _neighbours(status.get("neighbours") or [])]
    services = status.get("services") or []
    if services:
        rows = [(row.get("name"), row.get("state"), row.get("detail")) for row in services]
        lines += ["", table(("SERVICE", "STATE", "SEEN"), rows)]
    faults = [row for row in status.get("faults") or () if row.get("open", True)]
    lines += ["", fault_table(faults) if faults else "No open fault."]
    return "\n".join(lines)


def _mode(status: dict[str, Any], now: float) -> str:
    words = {"heal": "heal (repairs by itself)", "observe": "observe (says what it would do, never acts)"}
    mode = words.get(str(status.get("mode")), str(status.get("mode")))
    until = status.get("paused_until")
    if isinstance(until, (int, float)) and until > now:
        mode += f"; paused for another {duration(until - now)}"
    return mode


def _stale(status: dict[str, Any]) -> str:
    age = status.get("data_age")
    return f"; readings are {duration(age)} old" if isinstance(age, (int, float)) and age > 5 else ""


def _mesh(mesh: dict[str, Any]) -> str:
    parts = [str(mesh.get("name", "")), str(mesh.get("algo", "")), f"{mesh.get('nodes', 0)} other nodes"]
    if mesh.get("gateway"):
        parts.append(f"gateway {mesh.get('gateway_node') or mesh['gateway']}")
    hardifs = mesh.get("hardifs") or []
    if hardifs:
        parts.append("over " + ", ".join(h["name"] + ("" if h.get("active") else " (down)") for h in hardifs))
    return ", ".join(part for part in parts if part)


def _behind(mesh: dict[str, Any]) -> str:
    """Who is reached through a neighbour, by name where it is known; "" where nobody is."""
    further = [way.get("node") or way.get("mac") for way in mesh.get("ways") or () if way.get("hops") != 1]
    more = f" and {len(further) - BEHIND_MAX} more" if len(further) > BEHIND_MAX else ""
    return ", ".join(map(str, further[:BEHIND_MAX])) + more


def _neighbours(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No neighbour is heard."
    cells = []
    for row in rows:
        kbit = row.get("throughput_kbit")
        hears = row.get("hears_us")
        cells.append(
            (
                row.get("node") or "?",
                row.get("hardif"),
                row.get("mac"),
                f"{row['last_seen_ms']} ms" if row.get("last_seen_ms") is not None else "",
                f"{kbit / 1000:.1f} Mbit/s" if kbit is not None else "",
                f"{row['signal_dbm']} dBm" if row.get("signal_dbm") is not None else "",
                "" if hears is None else ("yes" if hears else "NO"),
            )
        )
    return table(("NEIGHBOUR", "OVER", "MAC", "LAST HEARD", "THROUGHPUT", "SIGNAL", "HEARS US"), cells)


COMMAND = Command("status", "what is wrong, what the node does about it, what you should do", add, run)
