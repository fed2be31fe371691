# SPDX-License-Identifier: Apache-2.0
"""The mesh as a drawing: this node in the middle, neighbours on a ring, what lies behind them on a second."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from agent.web.sections.neighbours import LATE_MS
from agent.web.words import Words

SHOWN = 64  # nodes drawn (facts/ui.md); more could not be told apart on a phone
NAMED = 12  # up to so many carry their names; more carry their number in the table only
NAME_MAX = 10  # characters of a name in the drawing
SIZE, NEAR, FAR, DOT = 360, 78, 145, 11  # units of the drawing: its side, both rings, a node's radius


def draw(us: str, ways: list[dict[str, Any]], names: dict[str, str], w: Words) -> str:
    """SVG; every node has the number it has in the table."""
    places = _places(ways)
    middle = (SIZE / 2, SIZE / 2)
    lines, dots = [], []
    named = sum(bool(way["node"]) for way in ways) <= NAMED
    for number, way in enumerate(ways, 1):
        at = places[way["mac"]]
        start = middle if way["hops"] == 1 else places.get(way["via"], middle)
        late = ' class="late"' if way["last_seen_ms"] > LATE_MS else ""
        lines.append(
            f'<line{late} x1="{start[0]:.0f}" y1="{start[1]:.0f}" x2="{at[0]:.0f}" y2="{at[1]:.0f}"/>'
        )
        dots.append(_dot(number, way, names[way["mac"]] if named and way["node"] else "", at))
    heights = [y for _, y in (middle, *places.values())]
    top, bottom = min(heights) - DOT - 8, max(heights) + DOT + 24  # no empty screen above and below few nodes
    return (
        f'<svg class="mesh" viewBox="0 {top:.0f} {SIZE} {bottom - top:.0f}" role="img" '
        f'aria-label="{escape(w("mesh.drawing"))}">'
        f"{''.join(lines)}{''.join(dots)}"
        f'<circle class="us" cx="{middle[0]:.0f}" cy="{middle[1]:.0f}" r="{DOT + 4}"/>'
        f"{_text(middle, DOT + 18, us)}</svg>"
    )


def _places(ways: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Where each node stands: a neighbour's sector is as wide as what lies behind it needs."""
    near = [way["mac"] for way in ways if way["hops"] == 1]
    behind: dict[str, list[str]] = {mac: [] for mac in near}
    for way in ways:
        if way["hops"] != 1:
            behind.setdefault(way["via"], []).append(way["mac"])
    total = sum(max(1, len(macs)) for macs in behind.values()) or 1
    places: dict[str, tuple[float, float]] = {}
    used = 0
    for mac, further in behind.items():
        share = max(1, len(further))
        places[mac] = _at(NEAR, (used + share / 2) / total)
        for index, each in enumerate(further):
            places[each] = _at(FAR, (used + index + 0.5) / total)
        used += share
    return places


def _at(radius: float, turn: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn - math.pi / 2  # the first stands above
    return SIZE / 2 + radius * math.cos(angle), SIZE / 2 + radius * math.sin(angle)


def _dot(number: int, way: dict[str, Any], name: str, at: tuple[float, float]) -> str:
    x, y = at
    shape = (  # never colour alone: a gateway is a square
        f'<rect x="{x - DOT:.0f}" y="{y - DOT:.0f}" width="{2 * DOT}" height="{2 * DOT}"/>'
        if way["gateway"]
        else f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{DOT}"/>'
    )
    label = _text(at, DOT + 11, name) if name else ""
    return f'<g>{shape}<text x="{x:.0f}" y="{y + 4:.0f}">{number}</text>{label}</g>'


def _text(at: tuple[float, float], below: float, name: str) -> str:
    short = name if len(name) <= NAME_MAX else name[: NAME_MAX - 1] + "…"
    return f'<text class="name" x="{at[0]:.0f}" y="{at[1] + below:.0f}">{escape(short)}</text>'
