# SPDX-License-Identifier: Apache-2.0
"""`x0 pin set|clear`: the device PIN with which a person signs in on the status page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import DEFAULT_CONFIG
from agent.cli.text import as_json
from agent.web.limits import PIN_MAX, PIN_MIN

DEFAULT_STATE = "/var/lib/x0"  # as agent/config.py; of a node without configuration


def add(parser: argparse.ArgumentParser) -> None:
    """What to do, and where."""
    parser.add_argument(
        "what",
        choices=("set", "clear"),
        help="set: ask for a PIN (or read one line) and keep its hash; clear: nobody can sign in any more",
    )
    parser.add_argument(
        "--config",
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"the node's configuration, which says where the PIN is kept (default {DEFAULT_CONFIG})",
    )
    parser.add_argument("--file", metavar="PATH", help="the PIN's file itself, instead of the configured one")


def run(options: argparse.Namespace) -> int:
    """0 where it was done."""
    from agent.web.pin import PinError, clear, make, store  # late, here and below: as with the configuration

    try:
        path = Path(options.file) if options.file else _configured(Path(options.config))
        if options.what == "clear":
            done = clear(path)
            text = f"The PIN in {path} is gone." if done else f"There was no PIN in {path}."
            text += " Nobody can sign in on the status page."
        else:
            store(path, make(_ask()))
            text = f"The PIN is set ({path}). Who is signed in must sign in again; lock-outs are over."
    except PinError as error:
        if options.json:
            print(as_json({"ok": False, "error": {"what": str(error)}}))
        else:
            print(f"x0: {error}", file=sys.stderr)
        return PROBLEM
    print(as_json({"ok": True, "file": str(path)}) if options.json else text)
    return OK


def _configured(config: Path) -> Path:
    from agent.config import ConfigError, load  # late: the other commands start faster without it
    from agent.web.pin import PinError, path_of

    try:
        found = load(config)
    except ConfigError as error:
        if not config.exists():
            return path_of(None, DEFAULT_STATE)
        raise PinError(
            f"{config} has mistakes ({error.problems[0]}). Mend: x0 config check, or use --file"
        ) from None
    except OSError as error:
        raise PinError(
            f"{config} cannot be read ({error.strerror or error}). Mend: run it as root, or use --config"
        ) from None
    return path_of(found.web.pin_file, found.node.state_dir)


def _ask() -> str:
    """Twice from a terminal, unseen; else the first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(PIN_MAX + 2).rstrip("\r\n")
    from getpass import getpass  # late: termios, for this command only

    from agent.web.pin import PinError

    first = getpass(f"New PIN ({PIN_MIN} to {PIN_MAX} digits or letters): ")
    if getpass("Again: ") != first:
        raise PinError("the two are not the same. Mend: type it again")
    return first


COMMAND = Command("pin", "set or clear the PIN for the actions of the status page", add, run)
