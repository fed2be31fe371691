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
    head = [w("neighbours.node"), w("neighbours.rate"), w("neighbours.seen")]
    if signals:
        head.insert(2, w("neighbours.signal"))
    body = table(w("neighbours.title"), head, (_cells(row, signals, w) for row in rows[:SHOWN]))
    if len(rows) > SHOWN:
        body += f"<p>{escape(w('neighbours.more', n=len(rows) - SHOWN))}</p>"
    return section("neighbours", w("neighbours.title"), body)


def _cells(row: dict[str, Any], signals: bool, w: Words) -> list[str]:
    name = f"<b>{escape(row['node'])}</b>" if row["node"] else f"<i>{escape(w('neighbours.nameless'))}</i>"
    # Until links are encrypted (the next release's work) that is said of each of them, plainly.
    security = escape(w("link." + str(row.get("security") or "open")))
    notes = f"<code>{escape(row['hardif'])}</code> <code>{escape(row['mac'])}</code> · {security}"
    if row["hears_us"] is False:
        notes += f' · <span class="warn">! {escape(w("neighbours.deaf"))}</span>'
    age = row["last_seen_ms"]
    seen = escape(w.duration(age / 1000))
    cells = [
        name,
        escape(w.rate(row["throughput_kbit"])),
        f'<span class="warn">! {seen}</span>' if age > LATE_MS else seen,
    ]
    if signals:
        dbm = row["signal_dbm"]
        cells.insert(2, "–" if dbm is None else f"{w.number(dbm)} {escape(w('unit.dBm'))}")
    return [*cells, notes]
