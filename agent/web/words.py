# SPDX-License-Identifier: Apache-2.0
"""The page's words in the viewer's language: flat catalogues, lang/LANG.json, of key > text with {slots}.

English stands behind every other language; what faults and actions say in English is their own text, so that
only the other catalogues hold `fault.ID.*` and `action.ID`. All texts are plain: whoever shows them escapes.
"""

from __future__ import annotations

import functools
import re
import string
from pathlib import Path
from typing import Any

import msgspec

from agent import remedies

LANGUAGES = {"en": "English", "ru": "Русский"}
DEFAULT = "en"
COOKIE = "x0lang"
ACCEPT_MAX = 16  # entries of Accept-Language that are looked at; browsers send fewer than ten
_NAME = re.compile(r"\bNAME\b")
_FOLDER = Path(__file__).parent / "lang"


class Words:
    """One language."""

    def __init__(self, lang: str, own: dict[str, str], english: dict[str, str]) -> None:
        self.lang = lang
        self._own = own
        self._english = english

    def __call__(self, key: str, **slots: Any) -> str:
        """The text with its slots filled; English where the language lacks it, the key where English does."""
        return self.template(key).format(**slots)

    def template(self, key: str) -> str:
        """The text before its slots are filled."""
        return self._own.get(key) or self._english.get(key) or key

    def has(self, key: str) -> bool:
        """Is there such a text, in this language or in English?"""
        return key in self._own or key in self._english

    def number(self, value: float, digits: int = 0) -> str:
        """A number with this language's decimal sign and a true minus."""
        return f"{value:.{digits}f}".replace(".", self("point")).replace("-", "−")

    def duration(self, seconds: float) -> str:
        """Two figures are enough for a person: 0.9 s, 45 s, 10 min, 2 h, 2 days."""
        if seconds < 120:
            return self("unit.s", n=self.number(seconds, 1 if seconds < 10 else 0))
        if seconds < 7200:
            return self("unit.min", n=self.number(seconds / 60))
        if seconds < 172_800:
            return self("unit.h", n=self.number(seconds / 3600))
        return self("unit.days", n=self.number(seconds / 86_400))

    def size(self, count: float) -> str:
        """Bytes with a decimal prefix."""
        for unit in ("B", "kB", "MB"):
            if count < 1000:
                return self(f"unit.{unit}", n=self.number(count))
            count /= 1000
        return self("unit.GB", n=self.number(count, 1))

    def rate(self, kbit: int | None) -> str:
        """A throughput; a dash where there is none."""
        if kbit is None:
            return "–"
        if kbit < 1_000_000:
            return self("unit.Mbit", n=self.number(kbit / 1000, 1 if kbit < 10_000 else 0))
        return self("unit.Gbit", n=self.number(kbit / 1_000_000, 1))

    def fault(self, row: dict[str, Any], part: str) -> str:
        """`title`, `sentence` or `hand` of one of the status document's faults.

        `fault.ID/NAME.PART` says it for one subject (`host/power`), `fault.ID.PART` for all others.
        """
        kind = f"fault.{row['fault']}"
        text = self._own.get(f"{kind}/{_name(row)}.{part}") or self._own.get(f"{kind}.{part}")
        if text is not None:
            return _called(text.format(**_slots(row, self)), row)
        if part == "hand":  # faults write NAME where a person types what the fault is about
            typed = _name(row) if str(row["subject"]).split("/")[0] in TYPED else "NAME"
            return _NAME.sub(lambda _: typed, str(row["by_hand"]))
        return _called(str(row[part]), row)

    def action(self, name: str) -> str:
        """What a remedy does, as an infinitive."""
        return self._own.get(f"action.{name}") or _action_titles().get(name, name)

    def done(self, name: str) -> str:
        """What a remedy did, as the beginning of a sentence."""
        key = f"done.{name}"
        return self(key) if self.has(key) else self("done.other", action=self.action(name))


TYPED = frozenset({"hardif", "radio", "mesh", "service"})
"""Kinds of subjects whose name is what a person types; that of others, as a neighbour's MAC, is not."""

FAULT_SLOTS = frozenset({"subject", "interface", "neighbour", "service", "gateway", "nodes"})
"""What the sentences of a fault may name."""


def _slots(row: dict[str, Any], words: Words) -> dict[str, str]:
    subject = str(row["subject"])
    kind, _, rest = subject.partition("/")
    name, _, mac = rest.partition("/")
    named = str(row["evidence"].get("neighbour", "")).split(",")[0]  # "n2, last hello 0.3 s ago"
    there = words("self") if name == "self" else name
    return {
        "subject": subject,
        "interface": name if kind in TYPED - {"service"} else "NAME",
        "neighbour": named or mac or (name if kind == "node" else subject),
        "service": name if kind == "service" else subject,
        "gateway": there if kind == "gateway" else subject,
        "nodes": str(row["evidence"].get("unreachable", subject)),
    }


def within(text: str) -> str:
    """A sentence that goes on behind a colon: its first letter small, unless it begins an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _called(text: str, row: dict[str, Any]) -> str:
    """With nodes called by their names where those are known."""
    for mac, name in (row.get("names") or {}).items():
        text = text.replace(mac, name)
    return text


def _name(row: dict[str, Any]) -> str:
    """What the subject is called: `eth1` of `hardif/eth1/MAC`."""
    return [*str(row["subject"]).split("/"), ""][1] or str(row["subject"])


def slots_of(text: str) -> frozenset[str]:
    """The slots a text names."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def catalogue(lang: str) -> dict[str, str]:
    """The texts of one language as they stand in its file."""
    return msgspec.json.decode((_FOLDER / f"{lang}.json").read_bytes(), type=dict[str, str])


@functools.cache
def words(lang: str) -> Words:
    """The language's words; English for one that is not here."""
    lang = lang if lang in LANGUAGES else DEFAULT
    english = catalogue(DEFAULT)
    return Words(lang, english if lang == DEFAULT else catalogue(lang), english)


@functools.cache
def _action_titles() -> dict[str, str]:
    return {action.id: action.title for action in remedies.discover()}


def choose(query: str = "", cookie: str = "", accept: str = "") -> str:
    """The viewer's language: what the link asks for, else the cookie, else the browser's wish."""
    for wish in (query, cookie):
        if wish in LANGUAGES:
            return wish
    wishes: list[tuple[float, str]] = []
    for entry in accept.split(",")[:ACCEPT_MAX]:
        tag, _, weight = entry.partition(";")
        lang = tag.strip().lower().split("-")[0]
        if lang in LANGUAGES:
            wishes.append((_weight(weight), lang))
    return max(wishes, key=lambda wish: wish[0], default=(0.0, DEFAULT))[1]


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0
