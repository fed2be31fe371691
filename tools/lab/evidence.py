# SPDX-License-Identifier: Apache-2.0
"""What nodes say when something was waited for in vain. It goes into the error: the lab is gone later."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from tools.lab import story
from tools.lab.client import PAGE_S, Lab
from tools.lab.errors import LabError

TEXT_MAX = 4000  # characters in all: a screen and a half, which a CI's summary still shows whole
LOG_LINES = 10  # of each node: an episode from its diagnosis to its action
LINE_MAX = 200  # characters of a line: a message, not its fields
STATUS = "/api/v1/status"


def of(lab: Lab, nodes: list[str]) -> str:
    """Return what these nodes' agents treat now and logged last, at most TEXT_MAX characters in equal parts.

    It never fails: what cannot be asked says so in its place.
    """
    share = TEXT_MAX // max(1, len(nodes))
    return "\n".join(_bounded(_node(lab, node), share - 1) for node in nodes)


def _node(lab: Lab, node: str) -> list[str]:
    try:
        with urllib.request.urlopen(lab.page(node, STATUS), timeout=PAGE_S) as answer:  # noqa: S310 - ours
            told = document(json.load(answer))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        told = [f"its page does not answer: {error}"]
    try:
        lines = b"".join(lab.log(node)).splitlines()[-LOG_LINES:]
        said = [log_line(line) for line in lines] or ["its log is empty"]
    except LabError as error:
        said = [f"its log cannot be read: {error}"]
    return [f"{node}:", *(f"  {line[:LINE_MAX]}" for line in [*told, *said])]


def document(status: dict[str, Any]) -> list[str]:
    """Return the lines of a status document (agent/status.py) that tell why the node is not healthy."""
    lines = [f"{status['state']}: {status['verdict']['sentence']}"]
    lines += [
        f"open for {fault['onset_ago']:.0f} s, {fault['state']}: {fault['fault']} {fault['subject']}: "
        f"{(fault['decision'] or fault)['sentence']}"
        for fault in status["faults"]
        if fault["open"]
    ]
    return lines + [f"error of {part}: {text}" for part, text in status["errors"].items()]


def log_line(line: bytes) -> str:
    """Return an agent's log line without its fields; another program's as it is."""
    event = story.parse(line)
    if event is None:
        return line.decode(errors="replace")
    return f"{time.strftime('%H:%M:%S', time.gmtime(event.at))} {event.event}: {event.message}"


def _bounded(lines: list[str], most: int) -> str:
    """Return the lines as a text of at most so many characters: the middle gives way, the newest stays."""
    text = "\n".join(lines)
    if len(text) <= most:
        return text
    cut = " ... "
    head = (most - len(cut)) // 2
    return text[:head] + cut + text[len(text) - (most - len(cut) - head) :]
