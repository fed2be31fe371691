# SPDX-License-Identifier: Apache-2.0
"""The command `lab`."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from tools.lab import commands
from tools.lab.errors import LabError, UsageError
from tools.lab.topology import FORMS

Command = Callable[[argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=os.environ.get("X0_LAB", "lab"), help="which lab (default: lab)")
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    top = argparse.ArgumentParser(
        prog="lab",
        description="A virtual mesh on a virtual machine with the real kernel.",
        epilog="exit codes: 0 done, 1 failed, 2 wrong request, 3 no such lab, 4 not ready in time, "
        "70 a machine died; `exec` returns the program's own",
    )
    verbs = top.add_subparsers(dest="command", required=True)

    def add(verb: str, command: Command, words: str, to: Any = verbs) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = to.add_parser(verb, parents=[common], help=words, description=words)
        made.set_defaults(run=command)
        return made

    add("build", commands.build, "build the machine's image; quick when nothing changed")
    up = add("up", commands.up, "start a lab; returns when it is ready")
    up.add_argument("--topology", default="line:5", metavar="T", help=FORMS)
    up.add_argument("--no-agent", action="store_true", help="batman-adv alone, set up by the lab")
    up.add_argument("--no-wait", action="store_true", help="return when the nodes are made")
    up.add_argument("--systemd", action="store_true", help="boot systemd in the machines (vm:N)")
    up.add_argument("--secured", action="store_true", help="links are encrypted; each node has an identity")
    up.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override in every x0.yaml; NODE:KEY=VALUE: in that node's",
    )
    add("down", commands.down, "end the lab; leaves nothing behind")
    add("status", commands.status, "nodes, agents, pages, faults in force")
    run = add("exec", commands.execute, "run a program in a node")
    run.add_argument("node", help="n1 ..., or `machine`")
    run.usage = "lab exec [--name NAME] [--json] NODE -- CMD..."
    shell = add("shell", commands.shell, "open a shell in a node")
    shell.add_argument("node", help="n1 ..., or `machine`")
    logs = add("logs", commands.logs, "print a node's agent log")
    logs.add_argument("node")
    logs.add_argument("-f", "--follow", action="store_true")
    path = add("path", commands.path, "the nodes a packet passes now")
    path.add_argument("source", metavar="FROM")
    path.add_argument("target", metavar="TO")
    agent = add("agent", commands.agent, "start, stop or kill agents")
    agent.add_argument("action", choices=["start", "stop", "kill", "restart"])
    agent.add_argument("node", help="n1 ..., or all")

    fault = verbs.add_parser("fault", help="break something").add_subparsers(dest="verb", required=True)
    add("list", commands.fault_list, "what can be broken", fault)
    inject = add("inject", commands.fault_inject, "break it", fault)
    inject.add_argument("fault")
    inject.add_argument("--node", required=True)
    inject.add_argument("--peer")
    inject.add_argument("--for", dest="seconds", type=commands.duration, metavar="10s", help="clears itself")
    clear = add("clear", commands.fault_clear, "mend it: everything, or what matches", fault)
    clear.add_argument("--fault")
    clear.add_argument("--node")
    clear.add_argument("--peer")

    traffic = verbs.add_parser("traffic", help="watch from outside").add_subparsers(
        dest="verb", required=True
    )
    start = add("start", commands.traffic_start, "ping from node to node until stopped", traffic)
    start.add_argument("source", metavar="FROM")
    start.add_argument("target", metavar="TO")
    start.add_argument("--interval", type=float, default=0.05, help="seconds between pings (0.05)")
    for verb, command, words in (
        ("report", commands.traffic_report, "sent, lost, longest gap so far"),
        ("stop", commands.traffic_stop, "stop and report"),
    ):
        add(verb, command, words, traffic).add_argument("flow", nargs="?", help="FROM-TO; all without it")
    return top


def split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Return the lab's own words and, for `exec`, the program's: what follows the first `--` is not ours."""
    if argv[:1] != ["exec"] or "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words, program = split(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["exec"] and not program and not {"-h", "--help"} & set(words):
        print("lab: nothing to run; write: lab exec NODE -- CMD ...", file=sys.stderr)
        return UsageError.exit_code
    arguments = parser().parse_args(words, argparse.Namespace(argv=program))
    try:
        code: int = arguments.run(arguments)
    except LabError as error:
        if arguments.json:
            print(json.dumps({"error": str(error), "kind": type(error).__name__}))
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
