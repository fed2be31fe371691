# SPDX-License-Identifier: Apache-2.0
"""What the page says of a fault the node cannot mend, one that shows again, and one of the machine."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from agent import status
from agent.events import Decision, Outcome, Remedy, Result, Verdict
from agent.web import page
from agent.web.sections import doing
from agent.web.words import LANGUAGES, words
from tests.integration.web import scenes


def said(episode: status.Episode, lang: str = "en") -> str:
    """The verdict's section in plain words."""
    html = page.sections(scenes.healthy(episodes=(episode,)), lang)
    [section] = re.findall(r'<section id="verdict".*?</section>', html, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", section))


def dead_link(**changes: Any) -> status.Episode:
    return msgspec.structs.replace(scenes.contained(), held=(), **changes)


def decided(verdict: Verdict, reason: str) -> Decision:
    return Decision("d1", verdict, None, "The link eth1 is dead: no other way.", scenes.NOW - 3, reason)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_dead_link_without_another_way_needs_you_and_says_what_to_look_at(lang: str) -> None:
    episode = dead_link(decision=decided(Verdict.NOTHING, "refused"), phase="deciding", needs_person=True)
    text, w = said(episode, lang), words(lang)
    assert w("state.broken") in text
    assert w("doing.no-way") in text
    for part in ("cable", "plug", "power") if lang == "en" else ("кабель", "разъёмы", "питание"):
        assert part in text
    assert w("you.later", hand="")[:10] not in text


def test_what_nothing_is_left_for_says_when_it_is_tried_again() -> None:
    episode = msgspec.structs.replace(scenes.unhealed(), next_try=scenes.NOW + 600)
    text = said(episode)
    assert "needs you" in text
    assert "It has tried everything it can." in text
    assert "The next try is in 10 min." in text


def test_while_it_tries_again_a_person_is_still_asked() -> None:
    remedy = Remedy("restart-service", "service/mosquitto", {})
    again = Decision("d2", Verdict.ACT, remedy, "Restart it.", scenes.NOW - 1)
    text = said(msgspec.structs.replace(scenes.unhealed(), decision=again, phase="acting"))
    assert "needs you" in text
    assert "journalctl -u mosquitto" in text
    assert "Nothing yet" not in text


def test_a_contained_fault_that_shows_again_is_not_said_to_be_bypassed() -> None:
    text = said(dead_link(decision=decided(Verdict.WAIT, "moves"), phase="deciding"))
    assert "It waits: that link has changed often enough for now." in text
    for untrue in ("depends on it", "bypassed"):
        assert untrue not in text


def test_what_the_node_did_for_its_own_machine_leads_no_traffic_around() -> None:
    remedy = Remedy("rest", "host/heat", {})
    episode = scenes.episode(
        1,
        "thermal",
        "host/heat",
        "The node is too hot.",
        {},
        decision=Decision("d1", Verdict.ACT, remedy, "Rest.", scenes.NOW - 9),
        outcome=Outcome("d1", "thermal", "host/heat", "rest", Result.CONTAINED, "Held.", scenes.NOW - 8, 1.0),
        phase="contained",
        held=("rest",),
    )
    html = page.sections(scenes.healthy(episodes=(episode,)))
    assert "The node has done its part, but the cause is still there. Too hot: give the box shade" in html
    assert "eased" in html
    for untrue in ("raffic", "bypassed"):
        assert untrue not in html.split('id="neighbours"')[0].split("<body")[-1], untrue
    assert doing.eased(scenes.healthy(episodes=(episode,))["faults"][0])
