# SPDX-License-Identifier: Apache-2.0
"""axe-core over the page in every look and language: nothing serious, nothing critical, nothing moderate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.web.words import LANGUAGES
from tests.integration.web import scenes
from tests.integration.web.conftest import OpenTab
from tests.integration.web.site import PIN, Site
from tools.browser.chromium import Chromium

AXE = Path(__file__).parents[3] / "build/tools/axe/axe.min.js"
RUN = """axe.run(document, {resultTypes: ["violations"]}).then(found => JSON.stringify(found.violations.map(
    each => [each.impact, each.id, each.nodes.map(node => node.html.slice(0, 99) + node.failureSummary)])))"""

Find = Callable[[Any], list[Any]]


def program(path: Path = AXE, npm: str | None = None) -> str:
    """axe-core itself. A machine without npm cannot have it; where there is npm, its lack is a failure."""
    if path.exists():
        return path.read_text()
    if npm:
        pytest.fail(f"{path} is missing though there is {npm}: `make setup` says why it could not be fetched")
    pytest.skip("no axe-core here: `make setup` fetches it where there is npm")


@pytest.fixture(scope="module")
def violations(browser: Chromium) -> Find:
    """What axe finds in a tab. It is put in past the page's policy, as a debugger may."""
    axe = program(npm=shutil.which("npm"))

    def find(tab: Any) -> list[Any]:
        tab.eval(axe + ";0")
        found: list[Any] = json.loads(tab.eval(RUN))
        return found

    return find


def test_without_axe_the_page_is_not_passed_where_npm_could_have_fetched_it(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="make setup"):
        program(tmp_path / "axe.min.js", "/usr/bin/npm")
    with pytest.raises(pytest.skip.Exception):
        program(tmp_path / "axe.min.js", None)


@pytest.mark.parametrize("theme", ["light", "dark", "sun"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing(site: Site, open_tab: OpenTab, violations: Find, lang: str, theme: str) -> None:
    site.status = scenes.broken
    tab = open_tab(dark=theme == "dark")
    tab.go(f"{site.url}?lang={lang}")
    if theme == "sun":
        tab.eval("localStorage.setItem('theme', 'sun')")
        tab.go(site.url)
    tab.eval("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert violations(tab) == []


def test_axe_finds_nothing_in_the_question_before_an_action(
    site: Site, open_tab: OpenTab, violations: Find
) -> None:
    tab = open_tab()
    tab.go(site.url)
    here = tab.mark()
    tab.eval("document.getElementById('pin').focus()")
    tab.type(PIN)
    tab.press("Enter")
    tab.loaded(here)
    tab.go(f"{site.url}?confirm=reboot")
    assert "Reboot this node now?" in tab.text()
    assert violations(tab) == []


def test_axe_sees_what_is_wrong(site: Site, open_tab: OpenTab, violations: Find) -> None:
    """The test of the test."""
    tab = open_tab()
    tab.go(site.url)
    tab.eval("document.body.append(document.createElement('button'))")
    assert "button-name" in [name for _, name, _ in violations(tab)]
