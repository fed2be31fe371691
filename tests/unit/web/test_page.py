# SPDX-License-Identifier: Apache-2.0
"""Rules of the status page as a whole: escaped, strict, small, readable by everybody."""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from agent.web import page
from agent.web.sections import faults, verdict
from agent.web.view import Viewer
from agent.web.words import LANGUAGES, words
from tests.integration.web import scenes
from tests.unit.web.pages import ASKED, EVIL, SIGNED_IN, Texts, document

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
SIZE_MAX = 25_000  # bytes gzip in all (facts/ui.md)


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


SCENES: tuple[Callable[[], dict[str, Any]], ...] = (
    document,
    scenes.healthy,
    scenes.broken,
    scenes.crowd,
    lambda: scenes.healthy(episodes=(scenes.partition(), scenes.hot(), scenes.shown_again())),
)


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


def test_old_readings_are_said() -> None:
    assert "They are 12 s old" in page.sections(document(data_age=12.3))
    assert "s old" not in page.sections(document(data_age=1.0))


def test_every_part_of_the_page_has_a_name_for_screen_readers() -> None:
    html = page.document(scenes.broken(), "en", SIGNED_IN)
    for section in re.findall(r"<section [^>]*>(?!</section>)", html):
        assert "aria-label" in section
    assert '<html lang="en">' in html
    assert '<html lang="ru">' in page.document(scenes.broken(), "ru")
