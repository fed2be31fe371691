# SPDX-License-Identifier: Apache-2.0
"""Section 2: each fault with its cause, evidence, action, result and what will be put back."""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web.html import rich, section, terms
from agent.web.sections.doing import doing, eased, hand, next_step
from agent.web.words import Words

# state > look and sign; the word is `fault-state.STATE`
STATES = {
    "found": ("work", "…"),
    "healing": ("work", "↻"),
    "waiting": ("work", "‖"),
    "observed": ("bad", "!"),
    "unhealed": ("bad", "✗"),
    "healed": ("good", "✓"),
    "contained": ("work", "↷"),
    "gone": ("good", "✓"),
    "failed": ("bad", "✗"),
    "error": ("bad", "✗"),
}


def render(status: dict[str, Any], w: Words) -> str:
    """Open ones at full length, ended ones folded."""
    rows = status["faults"]
    first = status["verdict"].get("fault")  # the one the verdict speaks of
    active = sorted((row for row in rows if row["open"]), key=lambda row: row["id"] != first)
    now = "".join(_fault(row, w) for row in active)
    ended = [_fault(row, w) for row in rows if not row["open"]]
    body = now or f"<p>{escape(w('faults.none' if ended else 'faults.never'))}</p>"
    if ended:
        body += (
            f'<details id="ended"><summary>{escape(w("faults.ended", n=len(ended)))}</summary>'
            f"{''.join(ended)}</details>"
        )
    return section("faults", w("faults.title"), body)


def _fault(row: dict[str, Any], w: Words) -> str:
    kind, sign = STATES[row["state"]]
    title, sentence = w.fault(row, "title"), w.fault(row, "sentence")
    rows = list(_rows(row, w))
    return (
        f'<article class="fault {kind}" id="f-{escape(row["id"])}">'
        f'<p class="word">{sign} {escape(w("fault-state." + ("eased" if eased(row) else row["state"])))}</p>'
        f"<h3>{escape(title)} <code>{escape(row['subject'])}</code></h3>"
        f"<p>{escape(sentence)}</p>{terms(rows)}{_evidence(row, w)}</article>"
    )


def _rows(row: dict[str, Any], w: Words) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    outcome = row["outcome"]
    after = next_step(row, w)
    if row["open"]:
        rows.append((w("faults.action"), escape(doing(row, w))))
        if after:
            rows.append((w("verdict.next"), escape(after)))
    over = row["open"] and outcome is not None and outcome["result"] == "contained"
    if outcome is not None and not (over and row["phase"] != "contained"):  # else it no longer holds
        done = f"{w.done(outcome['action'])}: " if outcome["action"] and not row["open"] else ""
        after_onset = w("faults.after", time=w.duration(outcome["after_onset"]))
        result = w("result." + ("eased" if eased(row) else outcome["result"]))
        rows.append((w("faults.result"), escape(f"{done}{result} {after_onset}")))
    if row.get("held") and not after:
        held = "; ".join(w.action(name) for name in row["held"])
        rows.append((w("faults.undo"), escape(w("faults.held", actions=held))))
    if row["open"] and (by_hand := hand(row, w)):
        rows.append((w("faults.hand"), rich(by_hand)))
    rows.append((w("faults.began"), escape(w("ago", time=w.duration(row["onset_ago"])))))
    return rows


def _evidence(row: dict[str, Any], w: Words) -> str:
    """As the agent's log has it: what a technician sends to whoever helps."""
    seen = [(escape(key), escape(value)) for key, value in row["evidence"].items()]
    seen += [(part, escape(row[part]["sentence"])) for part in ("decision", "outcome") if row[part]]
    if not seen:
        return ""
    summary = f'<summary lang="{w.lang}">{escape(w("faults.evidence"))}</summary>'
    return f'<details lang="en">{summary}{terms(seen)}</details>'
