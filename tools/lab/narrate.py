# SPDX-License-Identifier: Apache-2.0
"""Turns what agents log (JSON lines) into one readable line each. Pure."""

import json
from typing import Any

QUIET_LEVELS = frozenset({"debug"})
QUIET_EVENTS = frozenset({"suspicion"})  # early signs: most pass, and a diagnosis says the rest again
COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
RESET = "\x1b[0m"


class Lines:
    """Cuts a stream of bytes into whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, part: bytes) -> list[str]:
        """Return the lines that are complete now."""
        *whole, self._rest = (self._rest + part).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def sentence(line: str, node: str, *, colour: bool = False) -> str | None:
    """Return `TIME NODE what happened`, None for what a spectator need not see. Others come as they are."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        return f"{'':12} {node:4} {line}" if line.strip() else None
    if entry.get("level") in QUIET_LEVELS or entry.get("event") in QUIET_EVENTS:
        return None
    message = str(entry.get("message") or entry.get("lab") or "").splitlines()
    if not message:
        return None
    clock = str(entry.get("ts", "")).partition("T")[2].rstrip("Z")
    text = f"{clock:12} {node:4} {message[0]}"
    mark = COLOURS.get(str(entry.get("level")), "") if colour else ""
    return f"{mark}{text}{RESET}" if mark else text
