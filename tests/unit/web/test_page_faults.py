# SPDX-License-Identifier: Apache-2.0
"""Rules of what the page says of faults: what was done, what comes next, what no longer holds."""

import re

import pytest

from agent.web import page
from agent.web.sections import doing, verdict
from agent.web.words import LANGUAGES, words
from tests.integration.web import scenes
from tests.unit.web.pages import SIGNED_IN, document


def test_contained_fault_says_what_was_done_and_that_it_is_put_back() -> None:
    html = page.sections(scenes.healthy(episodes=(scenes.contained(),)))
    assert "It took the interface out of the mesh." in html
    assert "as soon as the cause is gone" in html
    assert "bypassed, the cause is still there (0.9 s after it began)" in html


@pytest.mark.parametrize(
    ("lang", "lies"),
    [
        ("en", ("depends on it", "bypassed", "It took", "puts this back")),
        ("ru", ("не зависит", "в обход", "Вывел", "вернёт всё")),
    ],
)
def test_contained_fault_that_shows_again_is_not_said_to_be_bypassed(
    lang: str, lies: tuple[str, ...]
) -> None:
    status = scenes.healthy(episodes=(scenes.shown_again(),))
    said = "".join(verdict.say(status, words(lang)))
    row = status["faults"][0]
    for lie in lies:
        assert lie not in said
        assert lie not in doing.doing(row, words(lang)) + doing.next_step(row, words(lang))
    html = page.sections(status, lang)
    assert words(lang)("fault-state.waiting") in html
    for lie in ("fault-state.contained", "result.contained"):
        assert words(lang)(lie) not in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hot_machine_is_held_in_check_and_led_around_nowhere(lang: str) -> None:
    html, w = page.sections(scenes.healthy(episodes=(scenes.hot(),)), lang), words(lang)
    assert w("you.eased") in html
    assert f"↷ {w('fault-state.eased')}" in html
    assert w("result.eased") in html
    assert w("you.contained") not in html


def test_check_of_an_action_has_its_deadline() -> None:
    row = {
        **scenes.broken()["faults"][0],
        "state": "healing",
        "phase": "verifying",
        "check_in": 7.0,
        "held": ["x"],
    }
    assert doing.next_step(row, words("en")).startswith(
        "It checks the result within 7.0 s; if it did not help"
    )


def test_ended_faults_are_folded() -> None:
    html = page.sections(scenes.broken())
    assert "Earlier faults (4)" in html
    assert html.index("Earlier faults") > html.index("The service mosquitto runs")


def test_fault_of_the_verdict_comes_first() -> None:
    html = page.sections(scenes.broken())
    assert re.findall(r'id="f-(d\d+)"', html)[:2] == ["d2", "d1"]


def test_figures_of_a_fault_do_not_crowd_its_headline() -> None:
    html = page.sections(scenes.healthy(episodes=(scenes.contained(), scenes.waiting())))
    assert '<p class="sentence">The mesh has lost an interface it should use:</p>' in html
    assert '<p class="figures">eth2 exists' in html
    assert "<p>Further faults below: 1.</p>" in html


def test_what_a_person_undid_is_left_alone_and_can_be_given_back() -> None:
    row = scenes.healthy(episodes=(scenes.unhealed(),))["faults"][0]
    alone = {**row, "decision": {**row["decision"], "reason": "left-alone"}, "outcome": None}
    html = page.sections(document(faults=[alone]), "en", SIGNED_IN)
    assert "somebody undid what the node had put right" in html
    assert "If that was you: nothing." in html
    assert "actions/resume#" in html
    assert "actions/pause#" in html
