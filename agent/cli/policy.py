# SPDX-License-Identifier: Apache-2.0
"""`x0 policy show|why`: the rules in force, and why somebody may or may not do something.

Asks the running agent, which knows the revocations and has counted; `--config FILE` judges by a file alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import RefusedError, ask, socket_path
from agent.cli.text import as_json, clean, colour, labelled, table


def add(parser: argparse.ArgumentParser) -> None:
    """Two sub-commands; `--json`, `--socket` and `--config` are understood after them, too."""
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    show = commands.add_parser(
        "show", help="the rules in force, what was decided and what was refused lately"
    )
    why = commands.add_parser("why", help="may SUBJECT do ACTION on RESOURCE, and by which rule?")
    why.add_argument("subject", metavar="SUBJECT", help="e.g. reader, role:router, spiffe://MESH/node/NAME")
    why.add_argument("action", metavar="ACTION", help="e.g. page.act; x0 policy show lists them")
    why.add_argument("resource", metavar="RESOURCE", help="e.g. reboot")
    why.add_argument("--role", action="append", default=[], help="a role of the node; may be repeated")
    why.add_argument("--address", default="", help="the client's address, for rules with networks")
    for own, run in ((show, _show), (why, _why)):
        own.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="answer as JSON")
        own.add_argument("--socket", metavar="PATH", default=argparse.SUPPRESS, help="the agent's socket")
        own.add_argument("--config", metavar="FILE", help="judge by this file, without the agent")
        own.set_defaults(run_policy=run)


def run(options: argparse.Namespace) -> int:
    """0 for `show`; for `why` 0 where it may, 1 where it may not."""
    code: int = options.run_policy(options)
    return code


def _show(options: argparse.Namespace) -> int:
    found = _offline(options.config, None) if options.config else ask(socket_path(options.socket), "policy")
    print(as_json(found) if options.json else render(found))
    return OK


def _why(options: argparse.Namespace) -> int:
    args = {
        "subject": options.subject,
        "action": options.action,
        "resource": options.resource,
        "roles": options.role,
        "address": options.address,
    }
    if options.config:
        found = _offline(options.config, args)
    else:
        found = ask(socket_path(options.socket), "policy-why", args)
    print(as_json(found) if options.json else render_why(found))
    return OK if found.get("allowed") else PROBLEM


def _offline(path: str, args: dict[str, Any] | None) -> dict[str, Any]:
    """As the agent would answer with this file; RefusedError where it has mistakes."""
    from agent.authz.authoriser import Authoriser  # late: the other commands start faster without it
    from agent.authz.commands import shown, why
    from agent.authz.errors import AuthzError
    from agent.config import ConfigError, load

    try:
        authoriser = Authoriser(load(Path(path)).policy.rules)
        return shown(authoriser) if args is None else why(authoriser, args)
    except ConfigError as error:
        raise RefusedError(f"{path} has mistakes ({error.problems[0]})", "run x0 config check") from None
    except AuthzError as error:
        raise RefusedError(error.what, error.mend) from None


def render(found: dict[str, Any]) -> str:
    """For a terminal."""
    lines = ["Whatever no rule allows is refused; deny wins over allow.", ""]
    for row in found.get("rules") or []:
        head = f"{clean(row.get('effect'))} {clean(row.get('rule'))}"
        lines.append(colour(head, "bad" if row.get("effect") == "deny" else "good"))
        for label, key in (("  who", "subjects"), ("  may", "actions"), ("  on", "resources")):
            lines.append(labelled(label, ", ".join(map(str, row.get(key) or ()))))
        if row.get("networks"):
            lines.append(labelled("  from", ", ".join(map(str, row["networks"]))))
        if row.get("svid") not in (None, "any"):
            lines.append(labelled("  SVID", str(row["svid"])))
        if row.get("why"):
            lines.append(labelled("  because", str(row["why"])))
    decided = sorted(found.get("decisions") or [], key=lambda row: -row.get("count", 0))
    if decided:
        columns = ("count", "verdict", "subject", "action", "rule")
        cells = [[row.get(name) for name in columns] for row in decided]
        lines += ["", "Decided since the agent started:", table(columns, cells)]
    refused = found.get("refused") or []
    if refused:
        lines += ["", "Refused lately, newest first:"]
        lines += [labelled(f"  {row.get('count')} x", str(row.get("sentence"))) for row in refused]
    lines += ["", f"Open by a decision: {found.get('open', 0)}; cut since the start: {found.get('cut', 0)}."]
    return "\n".join(lines)


def render_why(found: dict[str, Any]) -> str:
    """For a terminal."""
    allowed = bool(found.get("allowed"))
    lines = [
        colour("Allowed" if allowed else "Refused", "good" if allowed else "bad")
        + f": {clean(found.get('sentence'))}."
    ]
    lines += [labelled("But", f"{remark}.") for remark in found.get("remarks") or []]
    others = found.get("others") or []
    for number, row in enumerate(others):
        text = f"{row.get('effect')} {row.get('rule')}: {row.get('why')}"
        lines.append(labelled("" if number else "Not by", text))
    return "\n".join(lines)


COMMAND = Command("policy", "who may do what on this node, and why", add, run)
