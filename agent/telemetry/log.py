# SPDX-License-Identifier: Apache-2.0
"""The log: one JSON line (or one readable line) per event on standard output.

Use: `log.info("sentence with %s", value, extra={"event": "decision", "fields": {...}})`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import msgspec

MESSAGE_MAX = 1000  # characters; a sentence is shorter, a traceback's end is not needed in every line
FIELD_MAX = 300  # characters of one field's value: strangers' names and tools' output land here
FIELDS_MAX = 24  # fields of one line
REPEATS_MAX = (
    5  # equal lines (same logger, level and template) within REPEAT_WINDOW; flash and journal are small
)
REPEAT_WINDOW = 10.0  # s
REPEAT_KEYS_MAX = 256  # templates remembered
REPEAT_KEY_MAX = 120  # characters of a sentence that tell it from others

# Messages from outside may hold control characters; on a terminal they could act.
_CONTROL = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)
}


class RepeatFilter(logging.Filter):
    """Lets REPEATS_MAX equal lines through per window and says afterwards how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        key = (record.name, record.levelno, _template(record))
        began, count = self._seen.get(key, (now, 0))
        if now - began > REPEAT_WINDOW:
            if count > REPEATS_MAX:
                record.repeats = count - REPEATS_MAX
            began, count = now, 0
        if key not in self._seen and len(self._seen) >= REPEAT_KEYS_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = (began, count + 1)
        return count < REPEATS_MAX


class JsonFormatter(logging.Formatter):
    """{"ts", "level", "event", "node", "message", "fields"} on one line."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON, without its newline."""
        document: dict[str, Any] = {
            "ts": _timestamp(record.created),
            "level": record.levelname.lower(),
            "event": _event(record),
            "node": self._node,
            "message": _message(record),
        }
        if fields := _fields(record):
            document["fields"] = fields
        return msgspec.json.encode(document).decode()


class TextFormatter(logging.Formatter):
    """`12:00:01 warning link-dead: sentence (key=value ...)` for people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its newline."""
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        message = _message(record).replace("\n", "\n    ")
        return f"{clock} {record.levelname.lower():7} {_event(record)}: {message}" + (
            f" ({fields})" if fields else ""
        )


def setup(level: str, form: str, node: str, stream: TextIO | None = None) -> None:
    """Sends everything to `stream` (standard output) as `form` ("json" or "text"); repeatable."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(TextFormatter() if form == "text" else JsonFormatter(node))
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # asyncio's own debug lines name sockets and selectors: nothing a technician needs.
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a full disk behind stdout must not become a second failure


def _template(record: logging.LogRecord) -> str:
    """What makes lines equal: the text without its values; where all of it is one value, that value."""
    return _message(record)[:REPEAT_KEY_MAX] if record.msg == "%s" else str(record.msg)


def _timestamp(created: float) -> str:
    whole = int(created)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((created - whole) * 1000):03d}Z"


def _event(record: logging.LogRecord) -> str:
    return str(getattr(record, "event", "") or record.name.removeprefix("x0.").removeprefix("agent."))[:64]


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # template and arguments do not fit: the line must come out all the same
        text = f"{record.msg} {record.args}"
    if record.exc_info and record.exc_info[1] is not None:
        trace = logging.Formatter().formatException(record.exc_info)
        text = f"{text}\n{trace[-(MESSAGE_MAX // 2) :]}"
    return _bounded(text, MESSAGE_MAX)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = getattr(record, "fields", None)
    fields = dict(list(given.items())[:FIELDS_MAX]) if isinstance(given, dict) else {}
    if repeats := getattr(record, "repeats", 0):
        fields["repeats_left_out"] = repeats
    return {
        _bounded(str(key), 64): value
        if isinstance(value, bool | int | float) or value is None
        else _bounded(str(value), FIELD_MAX)
        for key, value in fields.items()
    }


def _bounded(text: str, most: int) -> str:
    text = text.translate(_CONTROL)
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
