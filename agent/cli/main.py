# SPDX-License-Identifier: Apache-2.0
"""The `x0` command: asks the agent over its socket, or checks a file. One file per command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from agent.cli.base import PROBLEM, UNREACHABLE, discover
from agent.cli.client import RefusedError, UnreachableError
from agent.cli.text import as_json

EPILOG = (
    """exit codes: 0 nothing is wrong, 1 a problem was found, 2 wrong usage, 3 the agent does not answer"""
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except UnreachableError as error:
        return _say(error.what, error.mend, UNREACHABLE, options.json)
    except RefusedError as error:
        return _say(error.what, error.mend, PROBLEM, options.json)
    except BrokenPipeError:  # `x0 status | head`: not our trouble, and no traceback at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEM
    except KeyboardInterrupt:
        return 130  # as a shell has it: 128 + SIGINT
    return code


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="answer as JSON, for scripts")
    common.add_argument(
        "--socket", metavar="PATH", help="the agent's socket (else $X0_SOCKET, else the configured one)"
    )
    parser = argparse.ArgumentParser(
        prog="x0", description="Ask and steer the agent of a mesh node.", epilog=EPILOG
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in discover():
        own = commands.add_parser(command.name, help=command.help, description=command.help, parents=[common])
        own.set_defaults(run=command.run)
        command.add(own)
    return parser


def _say(what: str, mend: str, code: int, json: bool) -> int:
    if json:
        print(as_json({"ok": False, "error": {"what": what, "mend": mend}}))
    else:
        print(f"x0: {what}\nMend: {mend}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
