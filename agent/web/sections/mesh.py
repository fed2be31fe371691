# SPDX-License-Identifier: Apache-2.0
"""Section 5: the mesh around this node, drawn to two hops, with a table that says the same."""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web.html import section, table, terms
from agent.web.sections.graph import SHOWN, draw
from agent.web.sections.neighbours import heard
from agent.web.words import Words


def render(status: dict[str, Any], w: Words) -> str:
    """A picture and its table, then the settings of the mesh interface."""
    mesh = status["mesh"]
    if mesh is None:
        return section("mesh", w("mesh.title"), f"<p>{escape(w('mesh.none'))}</p>")
    ways = mesh.get("ways", [])[:SHOWN]
    body = ""
    if ways:
        names = {way["mac"]: _name(way) for way in ways}
        body = (
            f"<p>{escape(w('mesh.hint', n=mesh['nodes']))}</p>"
            + draw(str(status["node"]), ways, names, w)
            + f'<details id="ways"><summary>{escape(w("mesh.table"))}</summary>'
            + f"{_table(ways, names, w)}</details>"
        )
    return section("mesh", w("mesh.title"), body + terms(_settings(mesh, w)))


def _table(ways: list[dict[str, Any]], names: dict[str, str], w: Words) -> str:
    head = ["#", w("neighbours.node"), w("neighbours.rate")]
    rows = (
        (
            str(number),
            f"<b>{escape(names[way['mac']])}</b>",
            escape(w.rate(way["throughput_kbit"])),
            f"<code>{escape(way['mac'])}</code> · {escape(_via(way, names, w))} "
            f"<code>{escape(way['hardif'])}</code> · {heard(way, w)}"
            + (f" · {escape(w('mesh.gateway'))}" if way["gateway"] else ""),
        )
        for number, way in enumerate(ways, 1)
    )
    return table(w("mesh.title"), head, rows)


def _via(way: dict[str, Any], names: dict[str, str], w: Words) -> str:
    return w("mesh.direct") if way["hops"] == 1 else w("mesh.via", name=names.get(way["via"], way["via"]))


def _name(way: dict[str, Any]) -> str:
    """A node behind a neighbour has told us no name: the end of its address, then."""
    return str(way["node"] or "…" + way["mac"][-8:])


def _settings(mesh: dict[str, Any], w: Words) -> list[tuple[str, str]]:
    over = ", ".join(
        row["name"] + ("" if row["active"] else f" ({w('mesh.inactive')})") for row in mesh["hardifs"]
    )
    rows = [
        (w("mesh.interface"), f"{mesh['name']} ({mesh['algo']})"),
        (w("mesh.address"), mesh["mac"]),
        (w("mesh.over"), over or w("mesh.nothing")),
        (w("mesh.ogm"), w("unit.ms", n=mesh["ogm_interval_ms"])),
    ]
    return [(escape(key), escape(value)) for key, value in rows]
