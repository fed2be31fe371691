# SPDX-License-Identifier: Apache-2.0
"""Section 8: what a person may do here behind the device PIN. Plain forms: they work without JavaScript."""

from __future__ import annotations

from html import escape
from typing import Any

from agent.web import notices
from agent.web.html import rich, section
from agent.web.sections.doing import left_alone
from agent.web.view import Viewer
from agent.web.words import Words, slots_of

ACTIONS = ("pause", "resume", "link-test", "restart-agent", "support-bundle", "reboot")
AT_ONCE = frozenset({"resume", "link-test", "support-bundle"})  # harm nothing: pressing the button is enough
LINKS_MAX = 16  # neighbours offered for a test
PAUSE_MINUTES = 15
SIGNS = {"running": "↻", "done": "✓", "failed": "✗"}


def render(status: dict[str, Any], w: Words, viewer: Viewer) -> str:
    """The PIN's form, or the actions; then what became of the last ones."""
    if not viewer.pin_set:
        body = f"<p>{rich(w('actions.no-pin'))}</p>"
    elif viewer.signed_in:
        body = _question(viewer, w) + _forms(status, w, viewer)
    else:
        body = _sign_in(w, viewer)
    return section("actions", w("actions.title"), _notice(w, viewer) + body + _done(status, w, viewer))


def _notice(w: Words, viewer: Viewer) -> str:
    key = f"notice.{viewer.notice}"
    # The address keeps it: of a session that has ended since, it is no longer true.
    over = viewer.notice == (notices.SIGNED_OUT if viewer.signed_in else notices.SIGNED_IN)
    if not viewer.notice or over or not w.has(key):
        return ""
    return _alert(w(key))


def _alert(text: str) -> str:
    return f'<p class="notice" role="alert">{escape(text)}</p>'


def _sign_in(w: Words, viewer: Viewer) -> str:
    if viewer.locked_for > 0:
        # The time that is left changes with every look: not part of what is spoken.
        told = "" if viewer.notice == notices.LOCKED else _alert(w(f"notice.{notices.LOCKED}"))
        return f"{told}<p>{escape(w('actions.locked', time=w.duration(viewer.locked_for)))}</p>"
    return (
        f"<p>{escape(w('actions.why-pin'))}</p>"
        '<form method="post" action="/api/v1/session#actions" class="pin">'
        f"{_hidden('confirm', viewer.confirm) if viewer.confirm in ACTIONS else ''}"
        f'<label for="pin">{escape(w("actions.pin"))}</label>'
        '<input id="pin" name="pin" type="password" autocomplete="off" maxlength="64" required>'
        f'<button type="submit">{escape(w("actions.sign-in"))}</button></form>'
    )


def _question(viewer: Viewer, w: Words) -> str:
    """Asked again, with what will happen, before anything that others notice."""
    name = viewer.confirm
    if name not in ACTIONS or name in viewer.forbidden:
        return ""
    return (
        '<div class="ask" role="group" aria-labelledby="ask" id="confirm">'
        f'<h3 id="ask" tabindex="-1" autofocus>{escape(w(f"do.{name}.ask"))}</h3>'
        f"<p>{escape(w(f'do.{name}.what'))}</p>"
        + _form(name, w(f"do.{name}.yes"), viewer, {**_fields(name), "confirm": "yes"}, danger=True)
        + f'<a class="button" href="/#actions">{escape(w("actions.cancel"))}</a></div>'
    )


def _forms(status: dict[str, Any], w: Words, viewer: Viewer) -> str:
    parts = []
    paused = status["state"] == "paused"
    alone = any(left_alone(row) for row in status["faults"])
    for name in ACTIONS:
        if name in viewer.forbidden:
            continue
        if (name == "pause" and paused) or (name == "resume" and not paused and not alone):
            continue
        buttons = (
            "".join(_link_tests(status, w, viewer))
            if name == "link-test"
            else _form(name, w(f"do.{name}"), viewer, _fields(name))
        )
        if buttons:
            parts.append(f"<li>{buttons}<p>{escape(w(f'do.{name}.what'))}</p></li>")
    end = (
        f'<form method="post" action="/api/v1/session/end#actions">{_hidden("token", viewer.token)}'
        f'<button type="submit" class="plain">{escape(w("actions.sign-out"))}</button></form>'
    )
    return f'<ul class="actions">{"".join(parts)}</ul>{end}'


def _link_tests(status: dict[str, Any], w: Words, viewer: Viewer) -> list[str]:
    return [
        _form(
            "link-test",
            w("do.link-test.to", name=row["node"] or row["mac"], hardif=row["hardif"]),
            viewer,
            {"hardif": row["hardif"], "mac": row["mac"], "confirm": "yes"},
        )
        for row in status["neighbours"][:LINKS_MAX]
    ]


def _fields(name: str) -> dict[str, str]:
    fields = {"minutes": str(PAUSE_MINUTES)} if name == "pause" else {}
    return fields | ({"confirm": "yes"} if name in AT_ONCE else {})


def _form(name: str, label: str, viewer: Viewer, fields: dict[str, str], danger: bool = False) -> str:
    hidden = "".join(_hidden(key, value) for key, value in {"token": viewer.token, **fields}.items())
    return (
        f'<form method="post" action="/api/v1/actions/{name}#actions">{hidden}'
        f'<button type="submit"{" class=danger" if danger else ""}>{escape(label)}</button></form>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _done(status: dict[str, Any], w: Words, viewer: Viewer) -> str:
    """What was asked for lately and what became of it, the newest first; read aloud when it changes."""
    rows = status.get("actions") or []
    if not rows:
        return ""
    items = "".join(
        f"<li{' class=just' if row['id'] == viewer.done else ''}><b>{SIGNS.get(row['state'], '')} "
        f"{escape(w('do.' + row['name']) if row['name'] in ACTIONS else row['name'])}</b>: "
        f"{escape(w('action-state.' + row['state']))}. {escape(_result(row, w))}{_download(row, w)}</li>"
        for row in rows
    )
    return f'<h3>{escape(w("actions.last"))}</h3><ul class="log" aria-live="polite">{items}</ul>'


def _result(row: dict[str, Any], w: Words) -> str:
    """In the viewer's words where the catalogue has them, else the agent's own sentence."""
    key = f"did.{row.get('key', '')}"
    values = row.get("values") or {}
    if w.has(key) and slots_of(w.template(key)) <= set(values):
        return w(key, **values)
    return str(row["sentence"])


def _download(row: dict[str, Any], w: Words) -> str:
    if not row.get("download"):
        return ""
    return f' <a href="{escape(row["download"])}" download>{escape(w("actions.download"))}</a>'
