# SPDX-License-Identifier: Apache-2.0
"""Words for the terminal: columns, durations, wrapped paragraphs; colour only on a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

WIDTH_MAX = 100  # columns; longer lines are hard to read
WIDTH_MIN = 40
UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
COLOURS = {"good": "32", "busy": "33", "bad": "31", "strong": "1"}


def as_json(value: Any) -> str:
    """JSON for scripts, readable for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def clean(value: Any) -> str:
    """Text without what could act on a terminal: names come from strangers' hellos."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def colour(text: str, kind: str) -> str:
    """Coloured where standard output is a terminal and NO_COLOR is not set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m"


def width() -> int:
    """Columns to use."""
    try:  # as shutil does it, which would load the compression libraries
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns)
    except (AttributeError, ValueError, OSError):
        columns = 80
    return max(WIDTH_MIN, min(WIDTH_MAX, columns))


def labelled(label: str, text: str, indent: int = 14) -> str:
    """`label` and a wrapped paragraph beside it."""
    lead = f"{label:<{indent - 1}} "
    return textwrap.fill(clean(text), width(), initial_indent=lead, subsequent_indent=" " * indent)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Left-aligned columns, numbers to the right; empty cells are "-"."""
    cells = [[("-" if cell is None or cell == "" else clean(cell)) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    numeric = [
        bool(rows) and all(isinstance(row[i], (int, float, type(None))) for row in rows)
        for i in range(len(head))
    ]
    lines = []
    for row in [list(head), *cells]:
        line = "  ".join(
            f"{c:>{w}}" if n else f"{c:<{w}}" for c, w, n in zip(row, widths, numeric, strict=True)
        )
        lines.append("  " + line.rstrip())
    return "\n".join(lines)


def duration(seconds: float | None) -> str:
    """`45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `15m`, `1h30m`, `1d`; ValueError where it is none."""
    parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(min|[smhd]?)", text.strip())
    if not parts or "".join(n + u for n, u in parts) != re.sub(r"\s", "", text):
        raise ValueError("not a duration; write it like 90s, 15m, 1h30m")
    if len(parts) > 1 and any(not unit for _, unit in parts):
        raise ValueError("a unit is missing; write it like 1h30m")
    return sum(float(number) * UNITS[unit or "s"] for number, unit in parts)
