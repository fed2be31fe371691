# SPDX-License-Identifier: Apache-2.0
"""Section 1: what is wrong, what the node does about it and when it tries next, what you should do."""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web.html import rich, terms
from agent.web.sections.doing import doing, eased, hand, needs_person, next_step
from agent.web.words import Words, within

# Never colour alone: each state has its word and its sign.
STATES = {
    "starting": ("work", "…"),
    "healthy": ("good", "✓"),
    "healing": ("work", "↻"),
    "paused": ("work", "‖"),
    "broken": ("bad", "✗"),
}
OLD = 5.0  # s after which readings are said to be old; calm sensors read at least every 2 s


def render(status: dict[str, Any], w: Words) -> str:
    """The section; what changes with every second lies outside of what is read aloud."""
    kind, sign = STATES[status["state"]]
    what, does, you, after = say(status, w)
    rows = [(w("verdict.node"), rich(does)), (w("verdict.you"), rich(you))]
    more = [(w("verdict.next"), escape(after))] if after else []
    age = status["data_age"]
    if age is not None and age > OLD:
        more.append((w("verdict.data"), escape(w("verdict.old", age=w.duration(age)))))
    return (
        f'<section id="verdict" class="verdict {kind}" aria-label="{escape(w("verdict.label"))}">'
        f'<div aria-live="polite"><p class="word">{sign} {escape(w("state." + status["state"]))}</p>'
        f"{_headline(what)}{_further(status, w)}{terms(rows)}</div>"
        f"{terms(more) if more else ''}</section>"
    )


def _headline(what: str) -> str:
    """What is wrong in large letters; what faults say after a colon are its figures, in small ones."""
    first, colon, figures = what.partition(": ")
    small = f'<p class="figures">{escape(figures)}</p>' if colon else ""
    return f'<p class="sentence">{escape(first)}{colon.strip()}</p>{small}'


def say(status: dict[str, Any], w: Words) -> tuple[str, str, str, str]:
    """What is wrong; what the node does; what you do; when it goes on ("" where no time can be told)."""
    state = status["state"]
    worst = _worst(status)
    if state == "starting":
        return w("starting.what"), w("starting.doing", waiting=_awaited(status, w)), w("starting.you"), ""
    if state == "paused":
        what = _sentence(worst, w) if worst else w("paused.what")
        left = status.get("paused_for")
        return (
            what,
            w("paused.doing"),
            w("paused.you"),
            w("paused.next", time=w.duration(left)) if left else "",
        )
    if worst is None:
        return _calm(status, w)
    return _sentence(worst, w), doing(worst, w), _you(status, worst, w), next_step(worst, w)


def _awaited(status: dict[str, Any], w: Words) -> str:
    """What keeps a starting node from being healthy; no figure that counts, as it is read aloud."""
    row = status.get("awaited") or {}
    key = f"awaited.{row.get('what', 'readings')}"
    if not w.has(key):
        return str(row["sentence"])
    title = within(w.fault({**row, "evidence": {}}, "title")) if row.get("fault") else ""
    state = f"service.{row.get('state')}"
    told = w(state if w.has(state) else "service.unknown")
    return w(key, name=row.get("name", ""), state=told, title=title, place=row.get("place", ""))


def _worst(status: dict[str, Any]) -> dict[str, Any] | None:
    """The open fault the verdict is about: as the document says, else the first."""
    active = [row for row in status["faults"] if row["open"]]
    named = status["verdict"].get("fault")
    return next((row for row in active if row["id"] == named), active[0] if active else None)


def _calm(status: dict[str, Any], w: Words) -> tuple[str, str, str, str]:
    errors = len(status["errors"])
    what = w("calm.unread", n=errors) if errors else w("calm.what")
    does = w("calm.doing" if status["mode"] == "heal" else "calm.observe")
    return what, does, w("calm.look" if errors else "calm.you"), ""


def _sentence(worst: dict[str, Any], w: Words) -> str:
    return w.fault(worst, "sentence") or f"{w.fault(worst, 'title')}: {worst['subject']}"


def _further(status: dict[str, Any], w: Words) -> str:
    """That there is more than the verdict speaks of; markup, "" where there is not."""
    others = sum(row["open"] for row in status["faults"]) - 1
    return f"<p>{escape(w('verdict.further', n=others))}</p>" if others > 0 else ""


def _you(status: dict[str, Any], worst: dict[str, Any], w: Words) -> str:
    by_hand = hand(worst, w)
    if needs_person(worst) or status["mode"] == "observe":
        return by_hand or w("you.evidence")
    if eased(worst) and not worst.get("held"):
        return by_hand or w("you.evidence")  # by itself: the node did nothing
    if worst["state"] == "contained":
        return f"{w('you.eased' if eased(worst) else 'you.contained')} {by_hand}".rstrip()
    return w("you.later", hand=within(by_hand)) if by_hand else w("you.nothing")
