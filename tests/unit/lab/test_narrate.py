# SPDX-License-Identifier: Apache-2.0
"""Agents' logs as sentences."""

import json

from tools.lab.narrate import Lines, sentence

ENTRY = {
    "ts": "2026-01-02T03:04:05.678Z",
    "level": "info",
    "event": "decision",
    "node": "n2",
    "message": "Link e3 is dead.",
}


def test_an_entry_becomes_time_node_sentence() -> None:
    assert sentence(json.dumps(ENTRY), "n2") == "03:04:05.678 n2   Link e3 is dead."


def test_debugging_is_left_out() -> None:
    assert sentence(json.dumps({**ENTRY, "level": "debug"}), "n2") is None


def test_early_signs_are_left_out() -> None:
    assert sentence(json.dumps({**ENTRY, "event": "suspicion"}), "n2") is None


def test_a_traceback_is_shortened_to_its_sentence() -> None:
    assert (
        sentence(json.dumps({**ENTRY, "message": "It failed.\nTraceback"}), "n2")
        == "03:04:05.678 n2   It failed."
    )


def test_a_line_that_is_no_json_comes_as_it_is() -> None:
    assert sentence("mosquitto version 2.0", "n1") == f"{'':12} n1   mosquitto version 2.0"
    assert sentence("[1, 2]", "n1") == f"{'':12} n1   [1, 2]"
    assert sentence("  ", "n1") is None


def test_warnings_are_coloured_only_where_asked() -> None:
    line = json.dumps({**ENTRY, "level": "warning"})
    assert "\x1b[33m" in (sentence(line, "n2", colour=True) or "")
    assert "\x1b" not in (sentence(line, "n2") or "")


def test_lines_are_whole_however_the_stream_is_cut() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\n") == ["two"]
    assert lines.feed(b"three") == []
