# SPDX-License-Identifier: Apache-2.0
"""`x0 config check FILE`: every mistake with its place, what is allowed, how to mend it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import DEFAULT_CONFIG
from agent.cli.text import as_json, clean


def add(parser: argparse.ArgumentParser) -> None:
    """What to do, and the file."""
    parser.add_argument("what", choices=("check",), help="check: read the file and say every mistake")
    parser.add_argument(
        "file", nargs="?", default=DEFAULT_CONFIG, metavar="FILE", help=f"the file (default {DEFAULT_CONFIG})"
    )


def run(options: argparse.Namespace) -> int:
    """0 where the file can be used, 1 where it has mistakes."""
    from agent.config import ConfigError, load  # late: the other commands start faster without it

    try:
        config = load(Path(options.file))
    except ConfigError as error:
        if options.json:
            rows: list[dict[str, Any]] = [
                {name: getattr(problem, name) for name in problem.__struct_fields__}
                for problem in error.problems
            ]
            print(as_json({"ok": False, "file": options.file, "problems": rows}))
        else:
            for problem in error.problems:
                print(clean(problem))
            count = len(error.problems)
            print(f"{count} mistake{'s' if count > 1 else ''}. Nothing of this file would be used.")
        return PROBLEM
    if options.json:
        print(as_json({"ok": True, "file": options.file, "problems": []}))
        return OK
    mesh, count = config.mesh, len(config.services)
    parts = [
        f"node {config.node.name}",
        f"mode {config.mode}",
        f"mesh {mesh.name} over {len(mesh.interfaces)} interfaces" if mesh.enabled else "no mesh",
        f"{count} service{'' if count == 1 else 's'}",
    ]
    print(f"{options.file}: no mistake ({', '.join(parts)}).")
    return OK


COMMAND = Command("config", "check a configuration file", add, run)
