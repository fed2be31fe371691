# SPDX-License-Identifier: Apache-2.0
"""Section 3, where a radio is: each station's signal in big figures, to turn an antenna by.

The script adds what needs time: best value and its age, a graph of 30 s, a tone, one chosen neighbour.
"""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web.html import section
from agent.web.words import Words

SHOWN = 8  # the strongest; nobody aligns to more at once
LOST_MS = 3000  # without a frame: the signal is lost (lime-app's bound, facts/ui.md)
WEAKEST, WEAK, GOOD, STRONGEST = (
    -95,
    -80,
    -67,
    -30,
)  # dBm: nothing / hardly usable / fast / beside the antenna


def render(status: dict[str, Any], w: Words) -> str:
    """Empty where there is no radio."""
    rows = status.get("radios")
    if rows is None:
        return section("align", "", "")
    if not rows:
        return section("align", w("align.title"), f"<p>{escape(w('align.none'))}</p>")
    rows = sorted(rows, key=lambda row: -(row["signal_dbm"] if row["signal_dbm"] is not None else -999))
    words = "".join(
        f' data-{name}="{escape(w("align." + name, n="{n}", age="{age}"))}"' for name in ("best", "lost")
    )
    return section(
        "align",
        w("align.title"),
        f'<p id="aim"{words}>{escape(w("align.hint"))}</p>'
        + "".join(_station(row, w) for row in rows[:SHOWN]),
    )


def _station(row: dict[str, Any], w: Words) -> str:
    """A line; large as soon as its link makes it the page's target, without any script."""
    dbm = row["signal_dbm"]
    lost = dbm is None or row["inactive_ms"] > LOST_MS
    figure = "–" if dbm is None or lost else w.number(dbm)
    word = w("align.lost" if lost else _quality(dbm))
    value = WEAKEST if dbm is None or lost else max(WEAKEST, min(STRONGEST, dbm))
    name = f"aim-{row['radio']}-{row['mac'].replace(':', '')}"
    return (
        f'<article class="aim" id="{escape(name)}" data-dbm="{"" if lost else dbm}">'
        f"<h3>{escape(_name(row))} <code>{escape(row['radio'])}</code></h3>"
        f'<p class="dbm"><b>{figure}</b> {escape(w("unit.dBm"))} <span>{escape(word)}</span></p>'
        f'<meter min="{WEAKEST}" low="{WEAK}" high="{GOOD}" max="{STRONGEST}" optimum="{GOOD + 1}" '
        f'value="{value}" aria-label="{escape(w("align.meter", name=_name(row)))}">{figure}</meter>'
        f'<a class="button off" href="#{escape(name)}">{escape(w("align.on"))}</a><div class="on">'
        '<p class="best" data-own></p>'
        '<svg class="graph" data-own viewBox="0 0 300 65" aria-hidden="true"></svg>'
        f'<a class="button" href="#align">{escape(w("align.off"))}</a> '
        f'<button type="button" class="sound" hidden>{escape(w("align.sound"))}</button></div></article>'
    )


def _quality(dbm: int) -> str:
    return "align.good" if dbm >= GOOD else "align.fair" if dbm >= WEAK else "align.weak"


def _name(row: dict[str, Any]) -> str:
    return str(row["node"] or row["mac"])
