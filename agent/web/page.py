# SPDX-License-Identifier: Apache-2.0
"""The status page as HTML from the status document. All is escaped: names come from strangers."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any

from agent.web.sections import actions, align, faults, links, mesh, neighbours, node, verdict
from agent.web.view import Viewer
from agent.web.words import LANGUAGES, words

_FOLDER = Path(__file__).parent
_NOBODY = Viewer()


def _small(text: str) -> str:
    """Without whole-line comments and indentation; both files are written so that this changes nothing."""
    lines = (line.strip() for line in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


_STYLE = _small((_FOLDER / "page.css").read_text())
_SCRIPT = _small("\n".join((_FOLDER / name).read_text() for name in ("live.js", "aim.js")))


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy: this page's own style and script and nothing else. `data:` is its empty icon."""


def document(status: dict[str, Any], lang: str = "en", viewer: Viewer = _NOBODY) -> str:
    """The whole page, readable without JavaScript."""
    w = words(lang)
    name = escape(status["node"])
    title = escape(w("page.node", name=status["node"]))
    links = " ".join(
        f'<a href="?lang={other}" lang="{other}" hreflang="{other}">{escape(title)}</a>'
        for other, title in LANGUAGES.items()
        if other != w.lang
    )
    themes = "".join(
        f' data-{theme}="{escape(w("theme." + theme))}"' for theme in ("auto", "light", "dark", "sun")
    )
    place = f"<small>{escape(status['location'])}</small>" if status.get("location") else ""
    return (
        f'<!doctype html>\n<html lang="{w.lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{name}: x0tta6bl4</title><style>{_STYLE}</style></head><body>'
        f'<header><h1>{title}{place}</h1><nav aria-label="{escape(w("nav"))}">{links} '
        f'<button type="button" id="theme" class="plain" hidden{themes}></button></nav></header>'
        f'<p id="stale" role="alert" hidden>{escape(w("stale"))}'
        # the age changes every second: not for who listens
        f'<span aria-hidden="true" data-text="{escape(w("stale.age", n="{n}"))}"></span></p>'
        f"<main>{sections(status, lang, viewer)}</main>"
        f'<noscript><p><a href="/">{escape(w("reload"))}</a></p></noscript>'
        f'<footer><a href="/api/v1/status">{escape(w("footer.json"))}</a> '
        f'<a href="/metrics">{escape(w("footer.metrics"))}</a></footer>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def sections(status: dict[str, Any], lang: str = "en", viewer: Viewer = _NOBODY) -> str:
    """What lies in <main>: the parts that change."""
    w = words(lang)
    return "".join(
        (
            verdict.render(status, w),
            faults.render(status, w),
            align.render(status, w),
            neighbours.render(status, w),
            links.render(status, w),
            mesh.render(status, w),
            node.render(status, w),
            node.errors(status, w),
            actions.render(status, w, viewer),
        )
    )
