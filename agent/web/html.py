# SPDX-License-Identifier: Apache-2.0
"""Pieces of HTML. Arguments named `*_html` are markup already; everything else is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape


def section(name: str, title: str, body_html: str) -> str:
    """A part of the page, replaced on its own by the script; empty without a body."""
    if not body_html:
        return f'<section id="{name}"></section>'
    heading = f'<h2 id="h-{name}">{escape(title)}</h2>'
    return f'<section id="{name}" aria-labelledby="h-{name}">{heading}{body_html}</section>'


def rich(text: str) -> str:
    """Plain text in which `backticks` mark what is typed."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def terms(rows_html: Iterable[tuple[str, str]]) -> str:
    """A list of (term, description); both markup."""
    return "<dl>" + "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in rows_html) + "</dl>"


def table(label: str, head: Sequence[str], rows_html: Iterable[Sequence[str]]) -> str:
    """A table that may scroll within itself: such a region must be reachable by keyboard.

    A cell more than `head` has is a line of its own below its row.
    """
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(_row(row, len(head)) for row in rows_html)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}">'
        f"<table><thead><tr>{top}</tr></thead>{body}</table></div>"
    )


def _row(cells_html: Sequence[str], width: int) -> str:
    cells = "".join(f"<td>{cell}</td>" for cell in cells_html[:width])
    below = "".join(f'<tr class="more"><td colspan="{width}">{cell}</td></tr>' for cell in cells_html[width:])
    return f"<tbody><tr>{cells}</tr>{below}</tbody>"
