# SPDX-License-Identifier: Apache-2.0
"""A status document and viewers for the tests of the page, and what its HTML is made of."""

from html.parser import HTMLParser
from typing import Any

from agent.web.view import Viewer

EVIL = "<script>alert(1)</script>\"'&"
SIGNED_IN = Viewer(pin_set=True, signed_in=True, token="t" * 43, confirm="reboot", notice="signed-in")
ASKED = {
    "id": "a1", "name": "link-test", "at": 1.0, "by": "192.0.2.7", "state": "done",
    "sentence": "Lost 0 of 20.",
    "key": "", "values": {}, "download": "",
}  # fmt: skip


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
