# SPDX-License-Identifier: Apache-2.0
"""Rules of the status page."""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from agent.web import page
from agent.web.sections import doing, faults, verdict
from agent.web.view import Viewer
from agent.web.words import LANGUAGES, words
from tests.integration.web import scenes

EVIL = "<script>alert(1)</script>\"'&"
CHOSEN = {
    "state",
    "mode",
    "gateway_mode",
    "phase",
    "verdict",
    "result",
    "reason",
    "fault",
    "action",
}  # words of the agent's own
SIGNED_IN = Viewer(pin_set=True, signed_in=True, token="t" * 43, confirm="reboot", notice="signed-in")
SIZE_MAX = 25_000  # bytes gzip in all (facts/ui.md)


def document(**changes: Any) -> dict[str, Any]:
    fault = {
        "id": "d1", "fault": "link-dead", "title": "Link dead", "subject": "hardif/e2", "state": "contained",
        "open": True, "phase": "contained", "sentence": "The link e2 is dead.", "by_hand": "Check the cable.",
        "evidence": {"ELP silent for": "0.5 s"}, "onset_ago": 12.0, "found_after": 0.4,
        "decision": {"verdict": "act", "action": "detach-hardif", "sentence": "Take it out.", "ago": 11.0},
        "outcome": {"result": "contained", "action": "detach-hardif", "sentence": "Out.", "after_onset": 0.9},
    }  # fmt: skip
    neighbour = {
        "node": "n2", "mac": "02:78:30:02:00:01", "hardif": "e2", "last_seen_ms": 120,
        "throughput_kbit": 1_000_000, "signal_dbm": None, "hears_us": True,
    }  # fmt: skip
    mesh = {
        "name": "bat0", "mac": "02:78:30:00:00:01", "algo": "BATMAN_V", "ogm_interval_ms": 300, "nodes": 4,
        "hop_penalty": 30, "gateway": None, "gateway_node": "", "gateway_mode": "off", "clients": None,
        "hardifs": [{"name": "e2", "mac": "02:78:30:02:00:02", "active": False}],
    }  # fmt: skip
    return {
        "node": "n1", "mode": "heal", "state": "healing", "since": 1.0, "paused_until": None, "uptime": 100.0,
        "verdict": {"sentence": "The link e2 is dead.", "doing": "It heals.", "you": "Nothing."},
        "data_age": 0.2, "mesh": mesh, "neighbours": [neighbour], "faults": [fault], "services": [],
        "host": {"mem_total": 8e9, "mem_available": 4e9, "uptime_s": 90_000.0, "clock_synchronised": False},
        "errors": {"radios": "no nl80211"}, **changes,
    }  # fmt: skip


class Texts(HTMLParser):
    """Collects tags and attributes, and fails on nothing."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br", "input", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _everywhere(value: Any) -> Any:
    """The document with EVIL in every free text."""
    if isinstance(value, dict):
        return {
            key: item if key in CHOSEN and isinstance(item, str) else _everywhere(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_everywhere(item) for item in value]
    return value + EVIL if value and isinstance(value, str) else value


SCENES: tuple[Callable[[], dict[str, Any]], ...] = (document, scenes.healthy, scenes.broken, scenes.crowd)
ASKED = {
    "id": "a1", "name": "link-test", "at": 1.0, "by": "192.0.2.7", "state": "done",
    "sentence": "Lost 0 of 20.",
    "key": "", "values": {}, "download": "",
}  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_is_escaped(scene: Callable[[], dict[str, Any]], lang: str) -> None:
    status = {**scene(), "actions": [ASKED], "location": "roof"}
    good = Texts(page.document(status, lang, SIGNED_IN))
    evil = _everywhere(status)
    if "fault" in status["verdict"]:
        evil["verdict"]["fault"] += EVIL  # an id that is compared with those of the rows
    bad = Texts(page.document(evil, lang, SIGNED_IN))
    assert sorted(good.tags) == sorted(bad.tags)
    assert good.attributes == bad.attributes


def test_keys_of_evidence_and_errors_are_escaped() -> None:
    faults = [{**document()["faults"][0], "evidence": {EVIL: EVIL}}]
    assert EVIL not in page.document(document(faults=faults, errors={EVIL: EVIL}))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    "viewer", [Viewer(), Viewer(pin_set=True), SIGNED_IN, Viewer(locked_for=9, pin_set=True)]
)
def test_page_is_well_formed_and_ids_are_unique(scene: Callable[[], dict[str, Any]], viewer: Viewer) -> None:
    html = page.document(scene(), "en", viewer)
    assert Texts(html).open == []
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))


def test_policy_allows_this_style_and_script_only() -> None:
    html = page.document(document())
    for tag in ("style", "script"):
        [text] = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page.POLICY
    assert "default-src 'none'" in page.POLICY
    assert "unsafe" not in page.POLICY
    assert " style=" not in html
    assert not re.search(r"\son\w+=", re.sub("<script>.*</script>", "", html, flags=re.DOTALL))


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = page.document(scenes.broken(), "ru", SIGNED_IN)
    assert "//" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert "src=" not in html


def test_readable_without_script() -> None:
    html = re.sub(r"<script>.*?</script>", "", page.document(document()), flags=re.DOTALL)
    for text in (
        "The link e2 is dead.",
        "It took the interface out of the mesh",
        "<dt>ELP silent for</dt><dd>0.5 s</dd>",
        "Check the cable.",
        "n2",
        "1.0 Gbit/s",
    ):
        assert text in html


def test_verdict_is_announced_without_what_changes_every_second() -> None:
    html = page.sections(scenes.healthy(episodes=(scenes.waiting(),)))
    [spoken] = re.findall(r'<div aria-live="polite">(.*?)</div>', html, re.DOTALL)
    assert "lost an interface" in spoken
    assert "The next try is in 8.0 s." in html
    assert "8.0 s" not in spoken


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_state_has_its_word_and_sign(lang: str) -> None:
    w = words(lang)
    for state, (_, sign) in verdict.STATES.items():
        assert f"{sign} {w('state.' + state)}" in page.document(document(state=state), lang)
    for state, (_, sign) in faults.STATES.items():
        rows = [{**document()["faults"][0], "state": state}]
        assert f"{sign} {w('fault-state.' + state)}" in page.sections(document(faults=rows), lang)


def test_empty_node_has_a_page() -> None:
    html = page.document(
        document(mesh=None, neighbours=[], faults=[], host=None, errors={}, data_age=None, state="starting")
    )
    assert "None is heard." in html
    assert '<section id="errors"></section>' in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_page_stays_small(lang: str) -> None:
    """As first loaded, and at its worst: twenty faults, a hundred neighbours, every action."""
    status = scenes.healthy()
    assert len(gzip.compress(page.document(status, lang).encode())) < 10_000
    episodes = (*scenes.ended(17), scenes.waiting(), scenes.contained(), scenes.unhealed())
    full = {**scenes.crowd(), "faults": scenes.healthy(episodes=episodes)["faults"], "state": "broken"}
    assert len(full["faults"]) == 20
    assert len(gzip.compress(page.document(full, lang, SIGNED_IN).encode())) < SIZE_MAX


def test_a_festival_is_cut_and_said() -> None:
    html = page.sections(scenes.crowd(100))
    assert html.count("not encrypted yet") == 64
    assert "And 36 more" in html
    assert html.count("<line") == 64


def test_neighbour_says_that_its_link_is_not_encrypted_and_that_it_does_not_hear_us() -> None:
    row = {**document()["neighbours"][0], "hears_us": False}
    html = page.sections(document(neighbours=[row]))
    assert "not encrypted yet" in html
    assert "! does not hear us" in html


def test_alignment_is_there_only_with_a_radio() -> None:
    assert 'class="aim"' not in page.sections(document(radios=None))
    assert "The radio hears nobody." in page.sections(document(radios=[]))
    station = {
        "radio": "wlan0",
        "mac": "02:00:00:00:00:01",
        "node": "mill",
        "signal_dbm": -61,
        "inactive_ms": 50,
    }
    html = page.sections(document(radios=[station]))
    assert "<b>−61</b> dBm" in html
    assert 'value="-61"' in html
    lost = page.sections(document(radios=[{**station, "inactive_ms": 3500}]))
    assert "signal lost" in lost
    assert "−61" not in lost


def test_drawing_and_table_hold_the_same_nodes() -> None:
    html = page.sections(scenes.healthy())
    [drawing] = re.findall(r'<svg class="mesh".*?</svg>', html, re.DOTALL)
    [table] = re.findall(r'<details id="ways">(.*?)</details>', html, re.DOTALL)
    ways = scenes.healthy()["mesh"]["ways"]
    assert len(re.findall("<line", drawing)) == len(ways) == len(re.findall("<tbody>", table))
    assert all(way["mac"] in table for way in ways)
    assert drawing.count("<rect") == 1  # the gateway: a square, not only a colour


def test_contained_fault_says_what_was_done_and_that_it_is_put_back() -> None:
    html = page.sections(scenes.healthy(episodes=(scenes.contained(),)))
    assert "It took the interface out of the mesh." in html
    assert "as soon as the cause is gone" in html
    assert "bypassed, the cause is still there (0.9 s after it began)" in html


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


def test_old_readings_are_said() -> None:
    assert "They are 12 s old" in page.sections(document(data_age=12.3))
    assert "s old" not in page.sections(document(data_age=1.0))


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


def test_every_part_of_the_page_has_a_name_for_screen_readers() -> None:
    html = page.document(scenes.broken(), "en", SIGNED_IN)
    for section in re.findall(r"<section [^>]*>(?!</section>)", html):
        assert "aria-label" in section
    assert '<html lang="en">' in html
    assert '<html lang="ru">' in page.document(scenes.broken(), "ru")


def test_what_a_person_undid_is_left_alone_and_can_be_given_back() -> None:
    row = scenes.healthy(episodes=(scenes.unhealed(),))["faults"][0]
    alone = {**row, "decision": {**row["decision"], "reason": "left-alone"}, "outcome": None}
    html = page.sections(document(faults=[alone]), "en", SIGNED_IN)
    assert "somebody undid what the node had put right" in html
    assert "If that was you: nothing." in html
    assert "actions/resume#" in html
    assert "actions/pause#" in html


def test_figures_of_a_fault_do_not_crowd_its_headline() -> None:
    html = page.sections(scenes.healthy(episodes=(scenes.contained(), scenes.waiting())))
    assert '<p class="sentence">The mesh has lost an interface it should use:</p>' in html
    assert '<p class="figures">eth2 exists' in html
    assert "<p>Further faults below: 1.</p>" in html


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
