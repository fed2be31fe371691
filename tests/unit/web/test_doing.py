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


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(Verdict.OBSERVE, "observe"), (Verdict.OBSERVE, "paused"), (Verdict.WAIT, "budget")],
)
def test_what_batman_adv_led_around_by_itself_is_not_said_to_be_the_nodes_doing(
    verdict: Verdict, reason: str, lang: str
) -> None:
    """The decision names what the node would have done."""
    before = scenes.contained()
    remedy = Remedy("detach-hardif", before.diagnosis.subject, {})
    would = Decision("d1", verdict, remedy, "would take it out", scenes.NOW - 5, reason)
    assert before.outcome is not None
    outcome = msgspec.structs.replace(before.outcome, action="")
    w, episode = words(lang), dead_link(decision=would, outcome=outcome)
    row = scenes.healthy(episodes=(episode,))["faults"][0]
    assert doing.doing(row, w) == w("doing.bypassed")
    assert w.done("detach-hardif") not in page.sections(scenes.healthy(episodes=(episode,)), lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_put_back_is_what_was_done_not_what_is_decided_next(lang: str) -> None:
    """Haste was decided on, and waits, when the link that is held out answered again."""
    episode = msgspec.structs.replace(scenes.shown_again(), phase="undoing")
    w = words(lang)
    row = scenes.healthy(episodes=(episode,))["faults"][0]
    assert doing.doing(row, w) == w("doing.undoing", action=w.action("detach-hardif"))


def test_what_served_only_to_contain_it_is_still_said_to_have_been_done() -> None:
    before = scenes.contained()
    assert before.outcome is not None
    outcome = msgspec.structs.replace(before.outcome, action="hasten-ogms")
    row = scenes.healthy(episodes=(dead_link(outcome=outcome),))["faults"][0]
    w = words("en")
    assert doing.doing(row, w) == w("doing.contained", done=w.done("hasten-ogms"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_machine_that_cooled_by_itself_owes_the_node_nothing(lang: str) -> None:
    hot = scenes.hot()
    assert hot.decision is not None
    assert hot.outcome is not None
    would = msgspec.structs.replace(hot.decision, verdict=Verdict.OBSERVE, reason="paused")
    outcome = msgspec.structs.replace(hot.outcome, action="")
    episode = msgspec.structs.replace(hot, decision=would, outcome=outcome, held=())
    html, w = page.sections(scenes.healthy(episodes=(episode,)), lang), words(lang)
    assert w("doing.eased") in html
    for untrue in ("you.eased", "doing.bypassed"):
        assert w(untrue) not in html


def test_no_rung_just_now_is_not_called_everything_tried() -> None:
    before = scenes.unhealed()
    assert before.decision is not None
    decision = msgspec.structs.replace(before.decision, reason="no-rung")
    row = scenes.healthy(episodes=(msgspec.structs.replace(before, decision=decision),))["faults"][0]
    w = words("en")
    assert w("doing.nothing") in doing.doing(row, w)
    assert w("doing.exhausted") not in doing.doing(row, w)
