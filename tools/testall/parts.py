# SPDX-License-Identifier: Apache-2.0
"""Which parts there are: the long tests of one file each, found by collecting, so that no list grows old."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from tools.testall.errors import TestAllError
from tools.testall.plugin import REPORT

PYTEST = (sys.executable, "-m", "pytest", "-m", "long", "-p", "tools.testall.plugin")
COLLECT_S = 120.0
OUTPUT_TAIL = 2000  # characters of pytest's output that go into an error
Parts = Mapping[str, Sequence[str]]  # part > the tests' ids in their order


def collect(tree: Path) -> Parts:
    """Return the parts of the tests in a tree. Raises TestAllError."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "collected"
        done = subprocess.run(
            [*PYTEST, "--collect-only", "-q"],
            cwd=tree,
            env={**os.environ, REPORT: str(report)},
            capture_output=True,
            text=True,
            check=False,
            timeout=COLLECT_S,
        )
        if done.returncode or not report.exists():
            told = (done.stdout + done.stderr).strip()[-OUTPUT_TAIL:]
            raise TestAllError(f"the long tests could not be collected (pytest: {done.returncode}):\n{told}")
        return group(json.loads(report.read_text()))


def group(tests: Sequence[str]) -> Parts:
    """Return tests by file: its name without `test_`, its folder's before it where two are alike."""
    by_file: dict[str, list[str]] = {}
    for test in tests:
        by_file.setdefault(test.partition("::")[0], []).append(test)
    stems = [_stem(path) for path in by_file]
    return {
        stem if stems.count(stem) == 1 else f"{PurePosixPath(path).parent.name}-{stem}": by_file[path]
        for path, stem in sorted(zip(by_file, stems, strict=True))
    }


def _stem(path: str) -> str:
    return PurePosixPath(path).stem.removeprefix("test_")
