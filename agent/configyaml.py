# SPDX-License-Identifier: Apache-2.0
"""YAML text to a plain tree that knows lines and columns. Scalars stay text: types are the field's business.

So `mode: off` is the word "off" and `country: NO` is Norway, whatever YAML 1.1 thinks. Anchors, tags, several
documents and deep nesting have no use here and are refused: they are what bombs are made of. Built from the
parser's events, not recursively, so that no input exhausts the stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 12  # the deepest key has 5 levels; more is a mistake or an attack on the parser
MAX_NODES = 10_000  # bounds memory: 64 KiB of "[,,," would otherwise be 30,000 nodes
MAX_TAB_LINES = 5  # one tabbed line explains itself; the whole file would bury other mistakes

Report = Callable[[int, int, str, str, str], None]  # line, column, found, allowed, mend

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Scalar(msgspec.Struct):
    """One value as written."""

    line: int
    column: int
    text: str
    quoted: bool

    def empty(self) -> bool:
        """Nothing, `~` or `null`."""
        return not self.quoted and self.text in {"", "~", "null", "Null", "NULL"}


class Seq(msgspec.Struct):
    """A list."""

    line: int
    column: int
    items: list[Any]


class Map(msgspec.Struct):
    """Keys and values in the order of the file; doubled keys are still there."""

    line: int
    column: int
    entries: list[tuple[Scalar, Any]]


Tree = Scalar | Seq | Map

# what libyaml says > what to do about it
MENDS = (
    (
        "mapping values are not allowed",
        "indent alike, put a space after each colon (in the line before, too), or quote the value",
    ),
    ("did not find expected node content", "write a value here, or close the list or braces"),
    ("found unexpected end of stream", "close the quotation mark that was opened here"),
    ("expected ',' or ']'", "close the list with ] and separate its values by commas"),
    ("expected ',' or '}'", "close the braces with } and separate the pairs by commas"),
    ("could not find expected ':'", "write KEY: VALUE, with a space after the colon"),
    ("did not find expected key", "indent all keys of a section by the same number of spaces"),
    ("did not find expected '-' indicator", "indent all '-' of a list by the same number of spaces"),
    ("cannot start any token", "put quotes round a value that begins with @, ` or %"),
)


def parse(text: str, report: Report) -> Tree | None:
    """The tree of one YAML document; None where there is none or what was found forbids going on."""
    bad = CONTROL.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        found = f"the control character U+{ord(bad[0]):04X}"
        report(line, column, found, "printable text", "delete it; was the file damaged, or is it no text?")
        return None
    import yaml  # late: only loading a configuration needs it, see agent/configfile.py

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(yaml.parse(text, Loader=loader), report)
    except yaml.YAMLError as error:
        _report_syntax(text, error, report)
        return None


def _build(events: Any, report: Report) -> Tree | None:
    """Events to tree; stops at what must not be there."""
    import yaml

    root: Tree | None = None
    stack: list[
        tuple[Seq | Map, list[Scalar]]
    ] = []  # open collections, each with its key that waits for a value
    nodes = documents = 0
    for event in events:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                report(line, column, "a second document", "one", "delete the '---' line and what is after it")
                return None
            continue
        if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        refused = _refusal(event, nodes, len(stack))
        if refused:
            report(line, column, *refused)
            return None
        node: Tree
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(line, column, event.value, event.style in {"'", '"', "|", ">"})
        else:
            node = (
                Seq(line, column, []) if isinstance(event, yaml.SequenceStartEvent) else Map(line, column, [])
            )
        if not stack:
            root = node
        elif isinstance(stack[-1][0], Seq):
            stack[-1][0].items.append(node)
        elif stack[-1][1]:
            stack[-1][0].entries.append((stack[-1][1].pop(), node))
        elif isinstance(node, Scalar):
            stack[-1][1].append(node)
        else:
            report(line, column, "a list or section as a key", "a word", "write KEY: VALUE")
            return None
        if not isinstance(node, Scalar):
            stack.append((node, []))
    return root


def _refusal(event: Any, nodes: int, depth: int) -> tuple[str, str, str] | None:
    """(found, allowed, mend) where the event must not be in a configuration."""
    import yaml

    if isinstance(event, yaml.AliasEvent):
        return f"the alias *{event.anchor}", "plain values", "write the value out"
    if event.anchor:
        return (
            f"the anchor &{event.anchor}",
            "plain values",
            "delete the anchor and write the value wherever it is needed",
        )
    if getattr(event, "tag", None):
        return f"the tag {event.tag}", "plain values", "delete the tag"
    if depth >= MAX_DEPTH:
        return f"more than {MAX_DEPTH} levels", "at most that", "look for brackets that are not closed"
    if nodes > MAX_NODES:
        return f"more than {MAX_NODES} values", "at most that", "look for text that does not belong here"
    return None


def _report_syntax(text: str, error: yaml.YAMLError, report: Report) -> None:
    """Say what the parser stumbled over; tabs first, for they are the cause of what it says then."""
    lines = text.splitlines()
    tabbed = [
        n
        for n, line in enumerate(lines, 1)
        if "\t" in line[: len(line) - len(line.lstrip())] and line.strip()
    ]
    for number in tabbed[:MAX_TAB_LINES]:
        column = lines[number - 1].index("\t") + 1
        report(
            number,
            column,
            "a tab in the indentation",
            "spaces",
            "replace the tab by spaces; YAML knows no tabs",
        )
    if tabbed:
        return
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mend = next((mend for sign, mend in MENDS if sign in problem), "mend the YAML at this place")
    if "unexpected end of stream" in problem or "expected ','" in problem:  # where it was opened helps more
        mark = getattr(error, "context_mark", None) or mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    line = min(line, max(len(lines), 1))
    report(line, column, f"text that is not YAML ({problem})", "YAML", mend)
