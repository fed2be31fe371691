# SPDX-License-Identifier: Apache-2.0
"""Rules of the log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from agent.telemetry import log


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising


def test_line_is_json_with_the_sentence_and_its_fields(out: io.StringIO) -> None:
    log.setup("info", "json", "n1", out)
    logging.getLogger("x0.loop").warning("e2 is %s", "dead", extra={"event": "decision", "fields": {"n": 1}})
    line = json.loads(out.getvalue())
    assert line["message"] == "e2 is dead"
    assert (line["level"], line["event"], line["node"]) == ("warning", "decision", "n1")
    assert line["fields"] == {"n": 1}
    assert line["ts"].endswith("Z")


def test_level_holds(out: io.StringIO) -> None:
    log.setup("warning", "json", "n1", out)
    logging.getLogger("x0.loop").info("calm")
    assert out.getvalue() == ""


def test_control_characters_never_reach_a_terminal(out: io.StringIO) -> None:
    log.setup("info", "text", "n1", out)
    logging.getLogger("x0").info("node \x1b[2J\x07", extra={"fields": {"name": "\x1b]0;evil\x07"}})
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()


def test_messages_and_fields_are_bounded(out: io.StringIO) -> None:
    log.setup("info", "json", "n1", out)
    fields = {f"k{n}": "v" * 10_000 for n in range(100)}
    logging.getLogger("x0").info("m" * 100_000, extra={"fields": fields})
    assert len(out.getvalue()) < log.MESSAGE_MAX + log.FIELDS_MAX * (log.FIELD_MAX + 20) + 300


def test_exception_keeps_the_end_of_its_trace(out: io.StringIO) -> None:
    log.setup("info", "json", "n1", out)
    try:
        raise ValueError("the cause")
    except ValueError:
        logging.getLogger("x0").exception("it failed")
    assert json.loads(out.getvalue())["message"].endswith("ValueError: the cause")


def test_wrong_arguments_still_give_a_line(out: io.StringIO) -> None:
    log.setup("info", "json", "n1", out)
    logging.getLogger("x0").info("%d links", "three")
    assert "three" in json.loads(out.getvalue())["message"]


def test_repeats_are_left_out_and_counted() -> None:
    now = [0.0]
    repeat = log.RepeatFilter(lambda: now[0])

    def record() -> logging.LogRecord:
        return logging.LogRecord("x0", logging.INFO, "f", 1, "same %s", ("x",), None)

    passed = [repeat.filter(record()) for _ in range(log.REPEATS_MAX + 7)]
    assert passed == [True] * log.REPEATS_MAX + [False] * 7
    now[0] = log.REPEAT_WINDOW + 1
    later = record()
    assert repeat.filter(later)
    assert later.__dict__["repeats"] == 7


def test_repeat_memory_is_bounded() -> None:
    repeat = log.RepeatFilter(lambda: 0.0)
    for number in range(log.REPEAT_KEYS_MAX * 2):
        repeat.filter(logging.LogRecord("x0", logging.INFO, "f", 1, f"line {number}", (), None))
    assert len(repeat._seen) == log.REPEAT_KEYS_MAX


def test_sentences_that_are_all_value_are_told_apart() -> None:
    told = log.RepeatFilter(lambda: 0.0)
    lines = [line("%s", f"problem {number}") for number in range(3 * log.REPEATS_MAX)]
    assert all(told.filter(record) for record in lines)
    again = [told.filter(line("%s", "problem 0")) for _ in range(2 * log.REPEATS_MAX)]
    assert sum(again) == log.REPEATS_MAX - 1


def line(template: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("x0.test", logging.ERROR, __file__, 1, template, values, None)
