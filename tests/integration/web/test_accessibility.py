# SPDX-License-Identifier: Apache-2.0
"""axe-core over the page in every look and language: nothing serious, nothing critical, nothing moderate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.web.words import LANGUAGES
from tests.integration.web import scenes
from tests.integration.web.conftest import OpenTab
from tests.integration.web.site import PIN, Site

AXE = Path(__file__).parents[3] / "build/tools/axe/axe.min.js"
RUN = """axe.run(document, {resultTypes: ["violations"]}).then(found => JSON.stringify(found.violations.map(
    each => [each.impact, each.id, each.nodes.map(node => node.html.slice(0, 99) + node.failureSummary)])))"""

pytestmark = pytest.mark.skipif(
    not AXE.exists(), reason="no axe-core here: `make setup` fetches it where there is npm"
)


def _violations(tab: Any) -> list[Any]:
    """What axe finds. It is put in past the page's policy, as a debugger may."""
    tab.eval(AXE.read_text() + ";0")
    found: list[Any] = json.loads(tab.eval(RUN))
    return found


@pytest.mark.parametrize("theme", ["light", "dark", "sun"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing(site: Site, open_tab: OpenTab, lang: str, theme: str) -> None:
    site.status = scenes.broken
    tab = open_tab(dark=theme == "dark")
    tab.go(f"{site.url}?lang={lang}")
    if theme == "sun":
        tab.eval("localStorage.setItem('theme', 'sun')")
        tab.go(site.url)
    tab.eval("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert _violations(tab) == []


def test_axe_finds_nothing_in_the_question_before_an_action(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    here = tab.mark()
    tab.eval("document.getElementById('pin').focus()")
    tab.type(PIN)
    tab.press("Enter")
    tab.loaded(here)
    tab.go(f"{site.url}?confirm=reboot")
    assert "Reboot this node now?" in tab.text()
    assert _violations(tab) == []


def test_axe_sees_what_is_wrong(site: Site, open_tab: OpenTab) -> None:
    """The test of the test."""
    tab = open_tab()
    tab.go(site.url)
    tab.eval("document.body.append(document.createElement('button'))")
    assert "button-name" in [name for _, name, _ in _violations(tab)]
