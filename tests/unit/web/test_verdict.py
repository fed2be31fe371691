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
        assert f"{words(lang).fault(status['awaited'] | {'evidence': {}}, 'title')} (eth1, barn)" in doing
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
