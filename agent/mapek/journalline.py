# SPDX-License-Identifier: Apache-2.0
"""One line of the undo journal, written and read.

`{"begin": seq, "record": {...}, "episode": id, "at": wall, "boot": id}` before an action, `{"done": seq}`
once it was undone. Lines of older agents have no `boot`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agent.remedies.base import UndoRecord

MAX_SEQ = 2**53  # beyond it other readers of JSON lose digits


class OpenRecord(msgspec.Struct, frozen=True):
    """A change that is not undone yet."""

    seq: int
    record: UndoRecord
    episode: str
    at: float  # wall seconds, for people
    boot: str = ""  # boot id of the machine, "" where it is not known


class DoneMark(msgspec.Struct, frozen=True):
    """The change of this number is undone."""

    seq: int


def begin_line(entry: OpenRecord) -> bytes:
    """With its line end."""
    line = {"begin": entry.seq, "record": entry.record, "episode": entry.episode, "at": entry.at}
    if entry.boot:
        line["boot"] = entry.boot
    return msgspec.json.encode(line) + b"\n"


def done_line(seq: int) -> bytes:
    """With its line end."""
    return msgspec.json.encode({"done": seq}) + b"\n"


def parse_line(line: bytes) -> OpenRecord | DoneMark | None:
    """None where it is no record."""
    try:
        entry: Any = msgspec.json.decode(line)
        if "done" in entry:
            return DoneMark(_seq(entry["done"]))
        seq = _seq(entry["begin"])
        record = msgspec.convert(entry["record"], UndoRecord)
        boot = str(entry.get("boot", ""))
        return OpenRecord(seq, record, str(entry["episode"]), float(entry["at"]), boot)
    except (
        msgspec.DecodeError,
        msgspec.ValidationError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ):
        return None


def _seq(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_SEQ:
        raise ValueError(f"sequence number {value!r}")
    return value
