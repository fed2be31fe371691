# SPDX-License-Identifier: Apache-2.0
"""Rules of the catalogues: every language says everything, with the same slots, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest

import agent.web
from agent import faults, remedies
from agent.web import notices, page
from agent.web.sections import actions, doing
from agent.web.words import FAULT_SLOTS, LANGUAGES, Words, catalogue, choose, slots_of, within, words
from tests.integration.web import scenes

OTHERS = [lang for lang in LANGUAGES if lang != "en"]
PARTS = ("title", "sentence", "hand")


def _told_by_faults() -> set[str]:
    """Keys that only other languages have: the English words stand in the faults and actions themselves."""
    keys = {f"fault.{fault.id}.{part}" for fault in faults.discover() for part in PARTS}
    return keys | {f"action.{action.id}" for action in remedies.discover()}


@pytest.mark.parametrize("lang", OTHERS)
def test_no_key_is_missing_and_none_is_surplus(lang: str) -> None:
    wanted = set(catalogue("en")) | _told_by_faults()
    found = {re.sub(r"^(fault\.[a-z-]+)/[a-z-]+\.", r"\1.", key) for key in catalogue(lang)}
    assert sorted(wanted - found) == []
    assert sorted(found - wanted) == []


@pytest.mark.parametrize("lang", OTHERS)
def test_slots_are_those_of_english(lang: str) -> None:
    english, other = catalogue("en"), catalogue(lang)
    differing = [key for key, text in english.items() if slots_of(text) != slots_of(other[key])]
    assert differing == []


@pytest.mark.parametrize("lang", OTHERS)
def test_words_of_faults_name_only_what_is_known_of_a_fault(lang: str) -> None:
    for key, text in catalogue(lang).items():
        if key.startswith("fault."):
            assert slots_of(text) <= FAULT_SLOTS, key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_is_empty_or_holds_markup(lang: str) -> None:
    for key, text in catalogue(lang).items():
        assert text.strip() == text != "", key
        assert "<" not in text, key


def test_every_key_that_the_page_asks_for_is_there() -> None:
    found = set(catalogue("en"))
    for file in Path(agent.web.__file__).parent.rglob("*.py"):
        for key in re.findall(r"""\bw\(\s*f?["']([a-z][\w.-]*)["']\s*[,)]""", file.read_text()):
            assert key in found, (file.name, key)


def test_keys_that_are_put_together_are_there() -> None:
    found = set(catalogue("en"))
    wanted = {f"why.{reason}" for reason in doing.CLOSED | doing.WAITING}
    wanted |= {f"do.{name}{part}" for name in actions.ACTIONS for part in ("", ".what", ".ask", ".yes")}
    wanted |= {f"notice.{key}" for key in notices.ALL}
    assert wanted <= found


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_remedy_did_is_told_in_the_past(lang: str) -> None:
    """Its title is an infinitive: behind "done" it would read as an order."""
    w = words(lang)
    for action in remedies.discover():
        assert w.has(f"done.{action.id}"), action.id
        assert not w.done(action.id).lower().startswith(w.action(action.id))
    assert "never-heard-of" in w.done("never-heard-of")


@pytest.mark.parametrize("phase", ["verifying", "contained"])
def test_what_was_done_is_no_order_to_the_technician(phase: str) -> None:
    row = {**scenes.healthy(episodes=(scenes.contained(),))["faults"][0], "phase": phase}
    assert doing.doing(row, words("en")).startswith("It took the interface out of the mesh. ")
    assert doing.doing(row, words("ru")).startswith("Вывел интерфейс из mesh-сети. ")


def test_results_of_actions_are_there_in_every_language() -> None:
    """Keys stand as literals where an action ends: Done("KEY", ...), ActionError("KEY", ...)."""
    wanted = set()
    for file in Path(agent.web.__file__).parent.parent.rglob("*.py"):
        wanted |= set(re.findall(r"\b(?:Done|ActionError)\(\s*\"([a-z-]+)\"", file.read_text()))
    assert {f"did.{key}" for key in wanted} <= set(catalogue("en"))


def test_unknown_fault_falls_back_to_its_own_english_words() -> None:
    row = {
        **scenes.broken()["faults"][0],
        "fault": "never-heard-of",
        "sentence": "It {broke}.",
        "title": "Broken",
    }
    assert words("ru").fault(row, "sentence") == "It {broke}."
    assert "It {broke}." in page.sections({**scenes.broken(), "faults": [row]}, "ru")


def test_unknown_action_falls_back_to_its_id() -> None:
    assert words("ru").action("never-heard-of") == "never-heard-of"
    assert words("en").action("detach-hardif") == "take the interface out of the mesh"


def test_language_without_a_text_says_it_in_english() -> None:
    assert Words("xx", {}, catalogue("en"))("neighbours.none") == "None is heard."


def test_names_from_strangers_are_not_read_as_slots() -> None:
    row = {
        **scenes.healthy(episodes=(scenes.contained(),))["faults"][0],
        "evidence": {"neighbour": "{subject}, last hello 1 s ago"},
    }
    assert "{subject}" in words("ru").fault(row, "sentence")


@pytest.mark.parametrize(
    ("subject", "evidence", "sentence"),
    [
        ("hardif/e2/02:00:00:00:00:01", {"neighbour": "n2, last hello 1.0 s ago"}, "Линк e2 до узла n2 не"),
        ("hardif/e2/02:00:00:00:00:01", {}, "Линк e2 до узла 02:00:00:00:00:01 не"),
    ],
)
def test_russian_names_link_and_neighbour(subject: str, evidence: dict[str, str], sentence: str) -> None:
    row = {"fault": "link-dead", "subject": subject, "evidence": evidence, "sentence": "", "title": ""}
    assert words("ru").fault(row, "sentence").startswith(sentence)


@pytest.mark.parametrize(
    ("part", "words_of_it"), [("heat", "перегрелся"), ("power", "напряжение"), ("x", "или ему")]
)
def test_a_fault_may_have_words_for_one_subject(part: str, words_of_it: str) -> None:
    row = {"fault": "thermal", "subject": f"host/{part}", "evidence": {}}
    assert words_of_it in words("ru").fault(row, "sentence")


def test_a_clock_that_is_only_not_set_is_not_called_wrong_in_russian() -> None:
    row = {"fault": "clock-wrong", "subject": "host/time-service", "evidence": {}}
    assert "давно не сверялись" in words("ru").fault(row, "sentence")
    assert "неверно" not in words("ru").fault(row, "title")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_person_types_never_takes_an_address_for_an_interface(lang: str) -> None:
    known = {each.id: each for each in faults.discover()}["mac-duplicate"]
    row = {
        "fault": known.id,
        "subject": "neighbour/02:00:00:00:00:01",
        "evidence": {},
        "by_hand": known.by_hand,
    }
    assert "`ip link set NAME address 02:...`" in words(lang).fault(row, "hand")
    row["subject"] = "hardif/eth1"
    assert "`ip link set eth1 address 02:...`" in words(lang).fault(row, "hand")


def test_what_a_person_types_names_the_subject() -> None:
    row = scenes.healthy(episodes=(scenes.unhealed(),))["faults"][0]
    assert "`journalctl -u mosquitto`" in words("en").fault(row, "hand")


@pytest.mark.parametrize(
    ("given", "lang"),
    [
        ({}, "en"),
        ({"query": "ru", "cookie": "en", "accept": "en"}, "ru"),
        ({"query": "xx", "cookie": "ru"}, "ru"),
        ({"cookie": "<script>", "accept": "ru-RU,ru;q=0.9,en;q=0.8"}, "ru"),
        ({"accept": "de-DE,de;q=0.9,en;q=0.8,ru;q=0.7"}, "en"),
        ({"accept": "en;q=0.1,ru;q=0.9"}, "ru"),
        ({"accept": "ru;q=nonsense,en;q=0.1"}, "en"),
        ({"accept": "," * 10_000 + "ru"}, "en"),
    ],
)
def test_language_is_the_link_then_the_cookie_then_the_browsers(given: Any, lang: str) -> None:
    assert choose(**given) == lang


def test_sentence_behind_a_colon_begins_small_and_an_abbreviation_does_not() -> None:
    assert [within(text) for text in ("Look at it.", "MTU", "`iw dev`", "Есть ли", "")] == [
        "look at it.",
        "MTU",
        "`iw dev`",
        "есть ли",
        "",
    ]


def test_durations_sizes_and_rates_read_well() -> None:
    en, ru = words("en"), words("ru")
    assert [en.duration(s) for s in (0.94, 45, 600, 7300, 200_000)] == [
        "0.9 s",
        "45 s",
        "10 min",
        "2 h",
        "2 days",
    ]
    assert [ru.duration(s) for s in (0.94, 45, 600)] == ["0,9 с", "45 с", "10 мин"]
    assert [en.size(n) for n in (12, 4_000, 5_000_000, 7.84e9)] == ["12 B", "4 kB", "5 MB", "7.8 GB"]
    assert [en.rate(n) for n in (None, 1500, 2_500_000)] == ["–", "1.5 Mbit/s", "2.5 Gbit/s"]
    assert ru.rate(1500) == "1,5 Мбит/с"
