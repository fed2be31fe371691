# SPDX-License-Identifier: Apache-2.0
"""`x0 pause 15m`: repair nothing for a while; watching goes on."""

from __future__ import annotations

import argparse
import time
from typing import Any

from agent.cli.base import OK, Command
from agent.cli.client import ask, socket_path
from agent.cli.text import as_json, duration, parse_duration


def add(parser: argparse.ArgumentParser) -> None:
    """The duration."""
    parser.add_argument(
        "duration", type=_seconds, metavar="DURATION", help="for how long: 90s, 15m, 1h30m (at most 24h)"
    )


def run(options: argparse.Namespace) -> int:
    """Pause; 0 when the agent has done so."""
    result: dict[str, Any] = ask(socket_path(options.socket), "pause", {"seconds": options.duration})
    if options.json:
        print(as_json(result))
        return OK
    until = float(result["paused_until"])
    clock = time.strftime("%H:%M:%S", time.localtime(until))
    print(f"Repairs are paused for {duration(options.duration)}, until {clock}. The agent goes on watching.")
    print("End it sooner with: x0 resume")
    return OK


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is {error}") from None


COMMAND = Command("pause", "repair nothing for a while, e.g. while you work on the mast", add, run)
