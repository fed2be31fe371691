# SPDX-License-Identifier: Apache-2.0
"""Rules of the verdict: plain words in the viewer's language, and nothing that counts in what is spoken."""

import re
from typing import Any

import pytest

from agent.mapek import awaited
from agent.mapek.awaited import Awaited
from agent.web import page
from agent.web.app import HIDDEN
from agent.web.sections import verdict
from agent.web.view import Viewer
from agent.web.words import LANGUAGES, words
from tests.integration.web import scenes

LINK = f"hardif/eth1/{scenes.mac(4, 1)}"
REASONS = (
    awaited.READINGS,
    awaited.SETUP,
    awaited.MESH,
    Awaited("interface", "interface eth2 is not active in bat0", "eth2"),
    Awaited("neighbour", "no neighbour heard yet (alone counts as healthy after 30 s)"),
    Awaited("service", "service mosquitto is hung", "mosquitto", "hung"),
    Awaited("service", "service mosquitto is not read yet", "mosquitto", "not read yet"),
    Awaited("fault", f"link-dead on {LINK}", fault="link-dead", subject=LINK, title="Link dead"),
)


def spoken(html: str) -> str:
    """What a screen reader is told to read by itself when it changes."""
    live = re.findall(r'<div aria-live="polite">(.*?)</div>', html, re.DOTALL)
    return " ".join((*live, *re.findall(r'<[^>]*role="alert">(.*?)</p>', html, re.DOTALL)))


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_starting_node_says_in_plain_words_what_it_waits_for(lang: str, reason: Awaited) -> None:
    status = scenes.starting(reason)
    assert status["state"] == "starting"
    _, doing, _, _ = verdict.say(status, words(lang))
    for raw in ("hardif/", "link-dead", scenes.mac(4, 1)):
        assert raw not in doing
    assert reason.name in doing
    if reason.fault:
        title = words(lang).fault(status["awaited"] | {"evidence": {}}, "title")
        assert f"{title[0].lower()}{title[1:]} (eth1, barn)" in doing
    if lang != "en":
        assert reason.sentence not in doing
        assert not re.search(r"\b(is|the|not|dead)\b", doing)


def test_nothing_the_page_needs_is_hidden_from_who_only_looks() -> None:
    for status in (*(scenes.starting(reason) for reason in REASONS), scenes.broken()):
        assert not HIDDEN & status.keys()
        for value in status.values():
            assert not isinstance(value, dict) or not HIDDEN & value.keys()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_counts_down_is_shown_and_not_spoken(lang: str) -> None:
    w = words(lang)
    paused, left = {**scenes.healthy(), "state": "paused", "paused_for": 47.0}, w.duration(47.0)
    seen: list[tuple[dict[str, Any], Viewer]] = [
        (paused, Viewer(lang=lang, pin_set=True)),
        (scenes.healthy(), Viewer(lang=lang, pin_set=True, locked_for=47.0)),
        (scenes.healthy(), Viewer(lang=lang, pin_set=True, locked_for=47.0, notice="locked")),
    ]
    for status, viewer in seen:
        html = page.sections(status, lang, viewer)
        assert left in html
        assert left not in spoken(html)
    assert w("state.paused") in spoken(page.sections(paused, lang))


def test_pins_that_are_locked_are_said_once() -> None:
    for notice in ("", "locked"):
        html = page.sections(scenes.healthy(), "en", Viewer(pin_set=True, locked_for=47.0, notice=notice))
        assert spoken(html).count("Too many wrong PINs") == 1


def test_gateway_says_what_it_is_where_none_is_found_or_it_is_this_node() -> None:
    for mode, told in (("client", "none (looks for one)"), ("server", "none (offers one itself)")):
        status = scenes.healthy()
        status["mesh"] |= {"gateway": None, "gateway_node": "", "gateway_mode": mode}
        assert f"<dt>Gateway</dt><dd>{told}</dd>" in page.sections(status)


def headline(html: str) -> tuple[str, str]:
    """The largest letters, and the smaller ones below them."""
    [large] = re.findall(r'<p class="sentence">(.*?)</p>', html)
    [small] = re.findall(r'<p class="figures">(.*?)</p>', html) or [""]
    return large, small


@pytest.mark.parametrize("lang", LANGUAGES)
def test_split_mesh_is_told_by_names_and_its_addresses_are_in_small_letters(lang: str) -> None:
    status = scenes.healthy(episodes=(scenes.partition(),))
    html = page.sections(status, lang)
    large, small = headline(html)
    assert not re.search(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", large)
    assert "house-7, house-8, " in small
    assert scenes.mac(10) in small, "one that told no name"
    for named in (7, 8):
        assert scenes.mac(named) not in large + small
        assert scenes.mac(named) in html.partition('<details lang="en">')[2], (
            "whoever helps needs the address"
        )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_link_whose_neighbour_told_its_name_is_called_by_it(lang: str) -> None:
    """Before its first hello the diagnosis had only the address."""
    link = scenes.mac(4, 1)
    nameless = scenes.episode(1, "link-dead", f"hardif/eth1/{link}", f"The link eth1 to {link} is dead.", {})
    large, _ = headline(page.sections(scenes.healthy(episodes=(nameless,)), lang))
    assert "barn" in large
    assert link not in large


def test_nodes_behind_neighbours_are_named_on_the_page() -> None:
    status = scenes.healthy()
    html = page.sections(status)
    [table] = re.findall(r'<details id="ways">(.*?)</details>', html, re.DOTALL)
    assert "<b>house-7</b>" in table
    assert f"…{scenes.mac(10)[-8:]}" in table
    assert "<dt>Gateway</dt><dd>house-8</dd>" in html, "it is behind a neighbour, and found"
