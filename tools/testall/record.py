# SPDX-License-Identifier: Apache-2.0
"""What became of each part: kept in build/test-all.json, written after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tools.testall.parts import Parts

DONE = frozenset({"passed", "skipped"})


class Result(msgspec.Struct, frozen=True):
    """A part's last run. `outcome`: passed, failed, skipped (nothing ran), timeout or interrupted.

    `at`: UTC, to the minute. `seconds`: of all runs on this tree since it was begun. `tree`: see tree.py.
    """

    outcome: str
    at: str
    seconds: float
    tree: str
    tests: dict[str, str]


Record = Mapping[str, Result]


def load(path: Path) -> Record:
    """Read the record; {} where there is none. A damaged one is set aside as NAME.damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Result])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError:
        path.replace(path.with_name(f"{path.name}.damaged"))
        return {}


def save(path: Path, record: Record) -> None:
    """Write the record; a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    temporary.replace(path)


def due(parts: Parts, record: Record, tree: str) -> Parts:
    """Return what has not passed on this tree: of a part that was broken off, the tests that are left."""
    left = {part: _left(tests, record.get(part), tree) for part, tests in parts.items()}
    return {part: tests for part, tests in left.items() if tests}


def _left(tests: Sequence[str], result: Result | None, tree: str) -> Sequence[str]:
    if result is None or not tree or result.tree != tree:
        return tests
    rest = [test for test in tests if result.tests.get(test) not in DONE]
    return rest if rest or result.outcome == "passed" else tests


def result(
    tests: Sequence[str],
    ran: Mapping[str, str],
    *,
    broken_off: str | None,
    at: str,
    seconds: float,
    tree: str,
    before: Result | None = None,
) -> Result:
    """Return a part's result. `tests`: all. `broken_off`: timeout or interrupted. `before`: it went on."""
    known = {**(before.tests if before else {}), **ran}
    outcomes = {test: known[test] for test in tests if test in known}
    counted = Counter(outcomes.values())
    if broken_off is not None:
        outcome = broken_off
    elif len(outcomes) < len(tests) or counted["failed"]:
        outcome = "failed"  # also what never came to its end: a machine's panic ends the run
    else:
        outcome = "passed" if counted["passed"] else "skipped"
    return Result(outcome, at, round(seconds + (before.seconds if before else 0.0), 1), tree, outcomes)


def table(parts: Parts, record: Record, tree: str) -> str:
    """Return the parts with their last result as a Markdown table, for the terminal and the README."""
    rows = [("part", "tests", "last result", "date (UTC)", "took", "tree"), ("---",) * 6]
    for part, tests in parts.items():
        last = record.get(part)
        if last is None:
            rows.append((part, str(len(tests)), "never run", "", "", ""))
            continue
        counted = Counter(last.tests.get(test, "not run") for test in tests)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items()))
        said = counts if last.outcome in counted else f"{last.outcome} ({counts})"
        took = f"{int(last.seconds) // 60}:{int(last.seconds) % 60:02d}"
        same = "" if last.tree == tree else ", not this one"
        rows.append((part, str(len(tests)), said, last.at, took, (last.tree or "unknown") + same))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )
