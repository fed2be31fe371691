# SPDX-License-Identifier: Apache-2.0
"""Rules of the status page."""

import base64
import gzip
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

from agent.web import page

EVIL = "<script>alert(1)</script>\"'&"
SIZE_MAX = 25_000  # bytes gzip in all (facts/ui.md)


def document(**changes: Any) -> dict[str, Any]:
    fault = {
        "id": "d1", "fault": "link-dead", "title": "Link dead", "subject": "hardif/e2", "state": "contained",
        "open": True, "sentence": "The link e2 is dead.", "by_hand": "Check the cable.",
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
        "hop_penalty": 30, "gateway": None, "gateway_mode": "off", "clients": None,
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
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _everywhere(value: Any) -> Any:
    """The document with EVIL in every free text."""
    if isinstance(value, dict):
        return {key: item if key in ("state", "mode") else _everywhere(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_everywhere(item) for item in value]
    return value + EVIL if isinstance(value, str) else value


def test_everything_is_escaped() -> None:
    good, evil = Texts(page.document(document())), Texts(page.document(_everywhere(document())))
    assert evil.tags == good.tags
    assert evil.attributes == good.attributes


def test_keys_of_evidence_and_errors_are_escaped() -> None:
    faults = [{**document()["faults"][0], "evidence": {EVIL: EVIL}}]
    assert EVIL not in page.document(document(faults=faults, errors={EVIL: EVIL}))


def test_page_is_well_formed() -> None:
    assert Texts(page.document(document())).open == []


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
    html = page.document(document())
    assert "//" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert "src=" not in html


def test_readable_without_script() -> None:
    html = re.sub(r"<script>.*?</script>", "", page.document(document()), flags=re.DOTALL)
    for text in (
        "The link e2 is dead.",
        "It heals.",
        "ELP silent for: 0.5 s",
        "Take it out.",
        "n2",
        "1.0 Gbit/s",
    ):
        assert text in html


def test_verdict_is_announced() -> None:
    assert '<section id="verdict" aria-live=polite>' in page.document(document())


def test_every_state_has_its_word() -> None:
    for state, (_, word) in page.STATES.items():
        assert word in page.document(document(state=state))
    for state, (_, word) in page.FAULT_STATES.items():
        assert word in page.sections(document(faults=[{**document()["faults"][0], "state": state}]))


def test_empty_node_has_a_page() -> None:
    html = page.document(
        document(mesh=None, neighbours=[], faults=[], host=None, errors={}, data_age=None, state="starting")
    )
    assert "None is heard." in html
    assert '<section id="errors"></section>' in html


def test_page_stays_small() -> None:
    assert len(gzip.compress(page.document(document()).encode())) < SIZE_MAX


def test_durations_read_well() -> None:
    assert [page._duration(s) for s in (0.94, 45, 600, 7300, 200_000)] == [
        "0.9 s", "45 s", "10 min", "2 h", "2 days",
    ]  # fmt: skip
