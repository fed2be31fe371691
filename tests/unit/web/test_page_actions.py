# SPDX-License-Identifier: Apache-2.0
"""Rules of the actions on the page: the PIN, the forms, the question before, the results."""

import re

import pytest

from agent.web import page
from agent.web.view import Viewer
from agent.web.words import words
from tests.integration.web import scenes
from tests.unit.web.pages import ASKED, EVIL, SIGNED_IN, document


def test_without_a_pin_no_form_is_shown() -> None:
    html = page.sections(document(), "en", Viewer())
    assert "<form" not in html
    assert "<code>x0 pin set</code>" in html


def test_stranger_is_asked_for_the_pin_and_sees_no_token() -> None:
    html = page.sections(document(), "en", Viewer(pin_set=True, token="secret"))
    assert 'type="password"' in html
    assert "secret" not in html
    assert "/api/v1/actions" not in html


def test_locked_out_viewer_is_told_for_how_long() -> None:
    html = page.sections(document(), "en", Viewer(pin_set=True, locked_for=300))
    assert "Try again in 5 min" in html
    assert "<input" not in html


def test_every_form_carries_the_token() -> None:
    html = page.sections(scenes.healthy(), "en", Viewer(pin_set=True, signed_in=True, token="tok"))
    forms = re.findall(r"<form.*?</form>", html, re.DOTALL)
    assert len(forms) == 4 + 6 + 1  # actions, links to test, the end of the session
    assert all('name="token" value="tok"' in form for form in forms)


def test_what_others_notice_is_asked_twice() -> None:
    viewer = Viewer(pin_set=True, signed_in=True, token="tok")
    html = page.sections(document(), "en", viewer)
    for name in ("reboot", "restart-agent", "pause"):
        [form] = re.findall(rf"<form[^>]*actions/{name}#.*?</form>", html, re.DOTALL)
        assert "confirm" not in form
    asked = page.sections(document(), "en", SIGNED_IN)
    assert "Reboot this node now?" in asked
    assert asked.count('name="confirm" value="yes"') > html.count('name="confirm" value="yes"')


def test_paused_node_offers_the_end_of_the_pause_only() -> None:
    html = page.sections(document(state="paused", paused_for=600), "en", SIGNED_IN)
    assert "actions/resume#" in html
    assert "actions/pause#" not in html


def test_unknown_notice_and_unknown_question_are_shown_by_nobody() -> None:
    viewer = Viewer(pin_set=True, signed_in=True, notice=EVIL, confirm=EVIL)
    html = page.sections(document(), "en", viewer)
    assert 'role="alert"' not in html
    assert 'class="ask"' not in html


@pytest.mark.parametrize(("notice", "true_for"), [("signed-in", True), ("signed-out", False)])
def test_notice_of_a_session_that_has_changed_since_is_dropped(notice: str, true_for: bool) -> None:
    """It stays in the address: an expired session must not show "You are signed in." above the PIN's form."""
    for signed_in in (True, False):
        viewer = Viewer(pin_set=True, signed_in=signed_in, notice=notice)
        html = page.sections(document(), "en", viewer)
        assert (words("en")(f"notice.{notice}") in html) == (signed_in is true_for)


def test_results_of_actions_are_listed() -> None:
    html = page.sections(document(actions=[ASKED]), "en", Viewer(done="a1"))
    assert "✓ Test a link</b>: done. Lost 0 of 20." in html
    assert "<li class=just>" in html
