# SPDX-License-Identifier: Apache-2.0
"""How each link is secured: a line a link, and what went wrong. Nothing where links are not secured."""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web.html import section
from agent.web.words import Words

SHOWN = 64  # a page for a phone; the rest stands in the JSON document
FAILURES = 5


def render(status: dict[str, Any], w: Words) -> str:
    """A list of links, then of failures."""
    links = status.get("links") or {}
    if links.get("mode", "off") == "off":
        return section("links", w("links.title"), "")
    identity = links.get("identity") or {}
    body = ""
    for text in filter(None, (identity.get("problem"), *(one["problem"] for one in links["interfaces"]))):
        body += f'<p class="warn">! {escape(text)}</p>'
    rows = links["links"]
    body += f"<ul>{''.join(_line(row, w) for row in rows[:SHOWN])}</ul>" if rows else ""
    if not rows:
        body += f"<p>{escape(w('links.nobody'))}</p>"
    if len(rows) > SHOWN:
        body += f"<p>{escape(w('neighbours.more', n=len(rows) - SHOWN))}</p>"
    failures = links["failures"][:FAILURES]
    if failures:
        lines = "".join(f"<li>{_failure(one, w)}</li>" for one in failures)
        body += f"<details><summary>{escape(w('links.failures'))}</summary><ul>{lines}</ul></details>"
    return section("links", w("links.title"), body)


def _line(row: dict[str, Any], w: Words) -> str:
    name = row["node"] or row["peer"].rpartition("/")[2] or row["mac"]
    notes = [f"<code>{escape(row['hardif'])}</code>"]
    state = "refused" if row["refused"] else row["state"]
    words = escape(w(f"links.{state}"))
    notes.append(words if row["state"] == "post-quantum" else f'<span class="warn">! {words}</span>')
    if row["peer"]:
        notes.append(f"<code>{escape(row['peer'])}</code>")
    if row.get("held"):
        notes.append(escape(w("links.held")))
    if row.get("key_age") is not None:
        notes.append(escape(w("links.key", time=w.duration(row["key_age"]), n=row["rekeys"])))
    return f"<li><b>{escape(name)}</b> {' · '.join(notes)}</li>"


def _failure(one: dict[str, Any], w: Words) -> str:
    when = escape(w("links.ago", time=w.duration(one["ago"]), n=one["count"]))
    who = escape(one["peer"] or one["mac"])
    return f"<code>{escape(one['hardif'])}</code> {who} · {when} · {escape(one['text'])}"
