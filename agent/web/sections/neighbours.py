# SPDX-License-Identifier: Apache-2.0
"""Section 4: who is heard directly, how well, and whether the link is encrypted."""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web.html import section, table
from agent.web.words import Words

SHOWN = 64  # a page for a phone; the rest stands in the JSON document
LATE_MS = 5000  # without a sign: said to be silent, not only old


def render(status: dict[str, Any], w: Words) -> str:
    """The signal's column only where a radio is heard."""
    rows = status["neighbours"]
    if not rows:
        return section("neighbours", w("neighbours.title"), f"<p>{escape(w('neighbours.none'))}</p>")
    signals = any(row["signal_dbm"] is not None for row in rows)
    head = [w("neighbours.node"), w("neighbours.rate")]
    if signals:
        head.append(w("neighbours.signal"))
    body = table(w("neighbours.title"), head, (_cells(row, signals, w) for row in rows[:SHOWN]))
    if len(rows) > SHOWN:
        body += f"<p>{escape(w('neighbours.more', n=len(rows) - SHOWN))}</p>"
    return section("neighbours", w("neighbours.title"), body)


def _cells(row: dict[str, Any], signals: bool, w: Words) -> list[str]:
    name = f"<b>{escape(row['node'])}</b>" if row["node"] else f"<i>{escape(w('neighbours.nameless'))}</i>"
    notes = [f"<code>{escape(row['hardif'])}</code> <code>{escape(row['mac'])}</code>", heard(row, w)]
    notes.append(escape(w(f"link.{row.get('security') or 'plain'}")))
    if row["hears_us"] is False:
        notes.append(f'<span class="warn">! {escape(w("neighbours.deaf"))}</span>')
    cells = [name, escape(w.rate(row["throughput_kbit"]))]
    if signals:
        dbm = row["signal_dbm"]
        cells.append("–" if dbm is None else f"{w.number(dbm)} {escape(w('unit.dBm'))}")
    return [*cells, " · ".join(notes)]


def heard(row: dict[str, Any], w: Words) -> str:
    """How long ago a neighbour or a way was heard; markup, with a sign where that is too long."""
    words = escape(w("neighbours.seen", time=w.duration(row["last_seen_ms"] / 1000)))
    return f'<span class="warn">! {words}</span>' if row["last_seen_ms"] > LATE_MS else words
