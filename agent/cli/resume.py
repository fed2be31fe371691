# SPDX-License-Identifier: Apache-2.0
"""`x0 resume`: end a pause, and repair again what was left alone because somebody undid it."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.base import OK, Command
from agent.cli.client import ask, socket_path
from agent.cli.text import as_json


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(options: argparse.Namespace) -> int:
    """Resume; also 0 where there was no pause."""
    result: dict[str, Any] = ask(socket_path(options.socket), "resume")
    if options.json:
        print(as_json(result))
    elif result.get("was_paused"):
        print("The pause has ended: the agent repairs again.")
    else:
        print("There was no pause. What somebody had undone is repaired again.")
    return OK


COMMAND = Command("resume", "end a pause; repair again what somebody undid", add, run)
