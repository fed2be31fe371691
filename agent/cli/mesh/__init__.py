# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh`: the operator's commands on a mesh's folder. They need no agent, no network and no root."""

from __future__ import annotations

import argparse
import sys

from agent.cli.base import PROBLEM, Command
from agent.cli.mesh import init, issuer, revoke, root, show, token
from agent.cli.text import as_json

ALL = (init.COMMAND, issuer.COMMAND, token.COMMAND, revoke.COMMAND, root.COMMAND, show.COMMAND)


def add(parser: argparse.ArgumentParser) -> None:
    """One sub-command each; `--json` is understood after it, too."""
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    for command in ALL:
        own = commands.add_parser(command.name, help=command.help, description=command.help)
        own.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="answer as JSON, for scripts"
        )
        own.set_defaults(run_mesh=command.run)
        command.add(own)


def run(options: argparse.Namespace) -> int:
    """The sub-command's exit code; what it cannot do is said with the mend."""
    from agent.identity.errors import (
        IdentityError,
    )  # late, here and below: 10 MB the other commands do not need

    try:
        code: int = options.run_mesh(options)
    except IdentityError as error:
        if options.json:
            print(as_json({"ok": False, "error": {"what": error.what, "mend": error.mend}}))
        else:
            print(f"x0: {error.what}\nMend: {error.mend}", file=sys.stderr)
        return PROBLEM
    return code


COMMAND = Command("mesh", "make a mesh, its issuers, join tokens and revocations (offline)", add, run)
