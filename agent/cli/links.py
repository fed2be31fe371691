# SPDX-License-Identifier: Apache-2.0
"""`x0 links`: how each link is secured, with whom, and what went wrong."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.client import ask, socket_path
from agent.cli.text import as_json, duration, labelled, table

WORDS = {"post-quantum": "post-quantum", "plain": "in clear", "none": "nothing passes"}


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(options: argparse.Namespace) -> int:
    """0 where every link is as it should be, else 1."""
    status: dict[str, Any] = ask(socket_path(options.socket), "status")
    links: dict[str, Any] = status.get("links") or {}
    print(as_json(links) if options.json else render(links))
    return PROBLEM if wrong(links) else OK


def wrong(links: dict[str, Any]) -> bool:
    """Is a link without the security it should have, or an interface or this node unable to give it?"""
    if links.get("mode") == "off":
        return False
    rows = links.get("links") or ()
    identity = links.get("identity") or {}
    troubled = any(one.get("problem") or not one.get("there") for one in links.get("interfaces") or ())
    return troubled or bool(identity.get("problem")) or any(row.get("state") == "none" for row in rows)


def render(links: dict[str, Any]) -> str:
    """The part `links` of the status document for a terminal."""
    if links.get("mode") == "off":
        rows = links.get("links") or []
        lines = ["Links are not secured (link_security: off): everything on them can be read and forged."]
        return "\n".join([*lines, "", _table(rows)] if rows else lines)
    identity = links.get("identity") or {}
    lines = [
        labelled("Security", f"{links.get('mode')}, {links.get('suite')}"),
        labelled("This node", _identity(identity)),
    ]
    if identity.get("problem"):
        lines.append(labelled("Problem", identity["problem"]))
    for one in links.get("interfaces") or ():
        lines.append(labelled(str(one.get("hardif")), _interface(one)))
    rows = links.get("links") or []
    lines += ["", _table(rows) if rows else "No neighbour is secured yet."]
    failures = links.get("failures") or []
    if failures:
        lines += ["", "What went wrong in the last hour, newest first:"]
        lines += [_failure(one) for one in failures]
    return "\n".join(lines)


def _identity(identity: dict[str, Any]) -> str:
    if not identity.get("id"):
        return "has no identity"
    left, trusted = identity.get("left"), identity.get("time_trusted")
    ends = "" if left is None else f", its certificate ends in {duration(left)}"
    if left is not None and left < 0:
        ends = f", its certificate ended {duration(-left)} ago"
    return f"{identity['id']}{ends}{'' if trusted else '; the clock is not known to be right'}"


def _interface(one: dict[str, Any]) -> str:
    if one.get("problem"):
        return str(one["problem"])
    age = one.get("key_age")
    key = "no key yet, nothing is sent" if age is None else f"key in use for {duration(age)}"
    return f"{one.get('device')}: {key}, changed {one.get('rekeys', 0)} times"


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row.get("node") or "?",
            row.get("hardif"),
            row.get("mac"),
            _state(row),
            row.get("peer"),
            duration(row["key_age"]) if row.get("key_age") is not None else "",
            row.get("rekeys", ""),
        )
        for row in rows
    ]
    return table(("NEIGHBOUR", "OVER", "MAC", "LINK", "IS", "KEY FOR", "CHANGED"), cells)


def _state(row: dict[str, Any]) -> str:
    if row.get("refused"):
        return "refused: it has no security"
    words = WORDS.get(str(row.get("state")), str(row.get("state")))
    return f"{words} (held)" if row.get("held") else words


def _failure(one: dict[str, Any]) -> str:
    who = one.get("peer") or one.get("mac") or "our key"
    times = f", {one['count']} times" if one.get("count", 1) > 1 else ""
    when = f"{duration(one.get('ago'))} ago{times}"
    return labelled(f"  {one.get('reason')}", f"{one.get('hardif')}, {who}, {when}: {one.get('text')}", 16)


COMMAND = Command("links", "how each link is secured, with whom, and what went wrong", add, run)
