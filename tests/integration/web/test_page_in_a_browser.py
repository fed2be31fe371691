# SPDX-License-Identifier: Apache-2.0
"""The status page in a real Chromium, as a phone shows it: readable, calm, usable without a mouse."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agent.web.words import LANGUAGES
from tests.integration.web import scenes
from tests.integration.web.conftest import OpenTab
from tests.integration.web.site import PIN, Site

# facts/ui.md: 44 pixels are what a thumb hits
SMALL = """[...document.querySelectorAll("a, button, summary, select, input:not([type=hidden])")]
    .filter(each => each.checkVisibility())
    .map(each => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
    .filter(([, box]) => box.height < 44 || box.width < 44)
    .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
WIDTH = "document.documentElement.scrollWidth"
SCENES = {"healthy": scenes.healthy, "broken": scenes.broken, "crowd": scenes.crowd}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_wider_than_a_phone_and_everything_is_large_enough(
    site: Site, open_tab: OpenTab, scene: str, lang: str, dark: bool
) -> None:
    site.status = SCENES[scene]
    tab = open_tab(dark=dark)
    tab.go(f"{site.url}?lang={lang}")
    assert tab.eval("document.documentElement.lang") == lang
    assert tab.eval(WIDTH) == 360
    assert tab.eval(SMALL) == []
    background = tab.eval("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background))) < 150) == dark
    assert tab.problems() == []


def test_language_of_the_browser_is_spoken_and_the_link_changes_it_for_good(
    site: Site, open_tab: OpenTab
) -> None:
    tab = open_tab(languages="ru-RU,ru;q=0.9")
    tab.go(site.url)
    assert "Всё, что видит узел, работает." in tab.text()
    here = tab.mark()
    tab.eval("document.querySelector('nav a').click()")
    tab.loaded(here)
    assert "Everything this node can see works." in tab.text()
    tab.go(site.url)
    assert "Everything this node can see works." in tab.text()


def test_page_is_whole_without_javascript(site: Site, open_tab: OpenTab) -> None:
    site.status = scenes.broken
    tab = open_tab(script=False)
    tab.go(site.url)
    text = tab.text()
    for words in (
        "The service mosquitto runs (pid 812) but has not answered",
        "Read its log",
        "Earlier faults (4)",
        "not encrypted",
        "Show the present state",
        "mast-3",
    ):
        assert words in text
    assert tab.eval("document.getElementById('theme').checkVisibility()") is False
    assert tab.problems() == []


def test_fault_shows_by_itself_and_goes_by_itself(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    tab.wait("page.seen > 0")
    site.show(scenes.broken())
    shown = tab.wait("document.querySelector('#verdict .sentence').innerText.includes('mosquitto')")
    assert shown < 2.0
    site.show(scenes.healthy())
    tab.wait("document.querySelector('#verdict .sentence').innerText.includes('Everything')")
    assert tab.problems() == []


def test_lost_stream_is_said_with_its_age_and_comes_back(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    assert tab.eval("document.getElementById('stale').hidden") is True
    tab.offline(True)
    tab.wait("!document.getElementById('stale').hidden", 15)
    assert re.search(r"What is shown is old: \d+ s", tab.text("#stale"))
    site.show(scenes.broken())
    tab.offline(False)
    tab.wait("document.getElementById('stale').hidden", 20)
    tab.wait("document.querySelector('#verdict .sentence').innerText.includes('mosquitto')")


def test_agent_that_restarts_under_the_viewer_is_found_again(
    site: Site, open_tab: OpenTab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tab = open_tab()
    tab.go(site.url)
    site.stop()
    tab.wait("!document.getElementById('stale').hidden", 15)
    again = Site(tmp_path_factory.mktemp("again"), scenes.broken, site.port)
    try:
        tab.wait("document.getElementById('stale').hidden", 20)
        tab.wait("document.querySelector('#verdict .sentence').innerText.includes('mosquitto')")
    finally:
        again.stop()


def test_what_a_person_is_doing_survives_a_change(site: Site, open_tab: OpenTab) -> None:
    """Focus, typed text, unfolded parts: the page changes under a person's hands every two seconds."""
    tab = open_tab()
    tab.go(site.url)
    tab.eval("document.getElementById('pin').focus()")
    tab.type("729")
    tab.eval("document.getElementById('ways').open = true")
    site.show(scenes.broken())
    tab.wait("document.querySelector('#verdict .sentence').innerText.includes('mosquitto')")
    assert tab.eval("document.activeElement.id") == "pin"
    assert tab.eval("document.getElementById('pin').value") == "729"
    assert tab.eval("document.getElementById('ways').open") is True


def test_only_the_verdict_is_spoken_and_only_when_it_changes(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    tab.eval("""(() => {
        window.spoken = 0;
        new MutationObserver(list => { window.spoken += list.length; }).observe(
            document.querySelector('[aria-live=polite]'),
            {subtree: true, childList: true, characterData: true});
    })()""")
    rounds = "window.rounds = (window.rounds || 0)"
    tab.eval(f"{rounds}; page.after.push(() => {{ window.rounds++; }})")
    site.show({**scenes.healthy(), "uptime": 5.0})
    tab.wait("window.rounds > 0")
    assert tab.eval("window.spoken") == 0
    site.show(scenes.broken())
    tab.wait("window.spoken > 0")


def test_everything_is_reached_by_keyboard_in_the_order_of_the_page(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    order = """[...document.querySelectorAll('a, button, summary, input:not([type=hidden]), [tabindex="0"]')]
        .filter(each => each.checkVisibility()).map(each => each.outerHTML.slice(0, 200))"""
    wanted = tab.eval(order)
    seen = []
    for _ in wanted:
        tab.press("Tab")
        seen.append(tab.eval("document.activeElement.outerHTML.slice(0, 200)"))
        assert tab.eval("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert seen == wanted


def test_signing_in_asking_and_confirming_by_keyboard_alone(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    _sign_in(site, tab)
    here = tab.mark()
    tab.eval("document.querySelector('form[action*=reboot] button').focus()")
    tab.press("Enter")
    tab.loaded(here)
    assert "Reboot this node now?" in tab.text("#confirm")
    assert tab.eval("document.getElementById('confirm').getBoundingClientRect().top < innerHeight") is True
    assert site.asked == []
    here = tab.mark()
    tab.press("Tab")
    assert tab.eval("document.activeElement.innerText") == "Reboot"
    tab.press("Enter")
    tab.loaded(here)
    tab.wait("document.querySelector('.log').innerText.includes('Reboot the node: done')")
    assert [name for name, _ in site.asked] == ["reboot"]
    assert tab.problems() == []


def _sign_in(site: Site, tab: Any) -> None:
    here = tab.mark()
    tab.eval("document.getElementById('pin').focus()")
    tab.type(PIN)
    tab.press("Enter")
    tab.loaded(here)
    assert "You are signed in." in tab.text("#actions")


def test_actions_work_without_javascript(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(script=False)
    tab.go(site.url)
    _sign_in(site, tab)
    here = tab.mark()
    tab.eval("document.querySelector('form[action*=link-test]').submit()")
    tab.loaded(here)
    assert "Test a link: done" in tab.text("#actions")
    name, given = site.asked[0]
    assert (name, given["hardif"], given["mac"]) == ("link-test", "wlan0", scenes.mac(1, 1))


def test_wrong_pin_is_said(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab(languages="ru")
    tab.go(site.url)
    here = tab.mark()
    tab.eval("document.getElementById('pin').focus()")
    tab.type("0000001")
    tab.press("Enter")
    tab.loaded(here)
    assert "Неверный PIN-код" in tab.text("#actions")


def test_aligning_shows_one_neighbour_large_with_its_best_value_and_a_graph(
    site: Site, open_tab: OpenTab
) -> None:
    tab = open_tab()
    tab.go(site.url)
    tab.eval("document.querySelector('.aim .off').click()")
    size = "parseFloat(getComputedStyle(document.querySelector('.aim:target .dbm b')).fontSize)"
    tab.wait(f"document.querySelector('.aim:target') && {size} >= 96")  # 72 pt
    weaker = scenes.healthy()
    weaker["radios"][0]["signal_dbm"] = -70
    site.show(weaker)
    tab.wait("document.querySelector('.aim:target .dbm').innerText.includes('−70')")
    assert "Best −64" in tab.text(".aim:target .best")
    tab.wait("document.querySelector('.aim:target .graph path').getAttribute('d').split('L').length > 3")
    tab.eval("document.querySelector('.aim:target .sound').click()")
    tab.wait("document.querySelector('.aim:target .sound').getAttribute('aria-pressed') === 'true'")
    assert tab.problems() == []


def test_themes_are_chosen_and_remembered(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    seen = []
    for _ in range(4):
        tab.eval("document.getElementById('theme').click()")
        seen.append(tab.text("#theme"))
    assert seen == ["Look: light", "Look: dark", "Look: sunlight", "Look: auto"]
    for _ in range(3):
        tab.eval("document.getElementById('theme').click()")
    tab.go(site.url)
    assert tab.text("#theme") == "Look: sunlight"
    assert tab.eval("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_policy_stops_what_is_not_ours(site: Site, open_tab: OpenTab) -> None:
    """The test of the test: a script that slipped in would be stopped, and we would see it."""
    tab = open_tab()
    tab.go(site.url)
    tab.eval("""document.body.append(Object.assign(document.createElement('script'),
        {textContent: 'window.evil = 1'}))""")
    assert tab.eval("window.evil === undefined") is True
    assert any("Content Security Policy" in each for each in tab.problems())
