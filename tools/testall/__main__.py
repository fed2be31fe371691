# SPDX-License-Identifier: Apache-2.0
"""`make test-all [PART=NAME | PART=list]`."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tools.testall import parts, record, run, tree
from tools.testall.errors import TestAllError
from tools.testall.plugin import REPORT

TREE = Path(__file__).resolve().parents[2]
RECORD = TREE / "build" / "test-all.json"
LOCK = TREE / "build" / "test-all.lock"
PART_S = 44 * 60.0  # the 45 minutes a part may take, less the minute for its end
LIST = "list"
WRONG = 2  # exit code: no such part
INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run what is due, or one part again; return 0 when all that ran passed."""
    parser = argparse.ArgumentParser(prog="make test-all", description=__doc__)
    parser.add_argument(
        "part", nargs="?", default="", help=f"one part again, or `{LIST}`; default: what is due"
    )
    part = parser.parse_args(argv).part
    try:
        known = parts.collect(TREE)
        if part == LIST:
            print(record.table(known, record.load(RECORD), tree.state(TREE)))
            return 0
        if part and part not in known:
            print(record.table(known, record.load(RECORD), tree.state(TREE)))
            print(f"test-all: no part {part!r}; there are: {', '.join(known)}", file=sys.stderr)
            return WRONG
        return _alone(known, part)
    except TestAllError as error:
        print(f"test-all: {error}", file=sys.stderr)
        return 1


def _alone(known: parts.Parts, part: str) -> int:
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TestAllError(
                "another `make test-all` runs on this tree; two would slow each other"
            ) from None
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupted)
        return _run(known, part)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(known: parts.Parts, part: str) -> int:
    wanted = {part: known[part]} if part else record.due(known, record.load(RECORD), tree.state(TREE))
    if not wanted:
        print("test-all: every part has passed on this tree; PART=NAME runs one again")
    good = True
    for number, (name, tests) in enumerate(wanted.items(), 1):
        rest = "" if len(tests) == len(known[name]) else f" left of {len(known[name])}"
        print(f"test-all: part {number} of {len(wanted)}, {name}: {len(tests)} tests{rest}", flush=True)
        done = _part(known[name], tests, name)
        good = good and done.outcome == "passed"
        if done.outcome == "interrupted":
            print("test-all: interrupted; `make test-all` goes on with what is left", file=sys.stderr)
            return INTERRUPTED
    print(record.table(known, record.load(RECORD), tree.state(TREE)))
    return 0 if good else 1


def _part(every: Sequence[str], tests: Sequence[str], name: str) -> record.Result:
    here = tree.state(TREE)
    kept = record.load(RECORD)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        report.touch()
        environment = {**os.environ, REPORT: str(report)}
        did = run.bounded([*parts.PYTEST, *tests], PART_S, cwd=TREE, env=environment)
        ran = dict(json.loads(line) for line in report.read_text().splitlines())
    if did.left:
        print(f"test-all: {name} left {did.left} processes; they were ended", file=sys.stderr)
    if tree.state(TREE) != here:
        here = f"{here}, changed meanwhile"  # equals no state: due again
        print(f"test-all: the tree changed while {name} ran: it will be due again", file=sys.stderr)
    done = record.result(
        every,
        ran,
        broken_off=did.broken_off,
        at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        seconds=did.seconds,
        tree=here,
        before=kept.get(name) if len(tests) < len(every) else None,
    )
    record.save(RECORD, {**kept, name: done})
    return done


if __name__ == "__main__":
    sys.exit(main())
