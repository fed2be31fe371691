# SPDX-License-Identifier: Apache-2.0
"""How long the lab takes: the image's first build, and `lab up --topology line:5` until all is well."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.bench.table import Table
from tools.lab import lifecycle

TREE = Path(__file__).resolve().parents[2]
SOURCES = ("image", "requirements")  # what the recipe reads
TOPOLOGY = "line:5"
TIMES = 3
UP_BUDGET_S = 75.0  # issue: every agent healthy and four hops answering, on two cores
BUILD_BUDGET_S = 300.0


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    built = _first_build()
    ups = [_up() for _ in range(TIMES)]
    table = Table("The lab, seconds on this machine")
    table.head("what", "n", "median s", "worst s", "budget s")
    table.row("image, first build", "1", f"{built:.0f}", f"{built:.0f}", f"{BUILD_BUDGET_S:.0f}")
    table.row(
        f"lab up --topology {TOPOLOGY}, every agent healthy and four hops answering",
        str(TIMES), f"{statistics.median(ups):.0f}", f"{max(ups):.0f}", f"{UP_BUDGET_S:.0f}",
    )  # fmt: skip
    return {"first_build_s": built, "up_s": ups}, table.text()


def _first_build() -> float:
    """Of a copy of the tree that has built nothing yet."""
    with tempfile.TemporaryDirectory(prefix="x0-bench-") as copy:
        for name in SOURCES:
            if (TREE / name).is_dir():
                shutil.copytree(TREE / name, Path(copy, name))
            elif (TREE / name).exists():
                shutil.copy2(TREE / name, Path(copy, name))
        begun = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "image.build", "lab"], cwd=copy, check=True, stdout=subprocess.DEVNULL
        )
        return time.monotonic() - begun


def _up() -> float:
    name = f"bench-{os.getpid()}"
    begun = time.monotonic()
    lifecycle.up(TOPOLOGY, name=name)  # returns when every agent is healthy and the ends answer
    spent = time.monotonic() - begun
    lifecycle.down(name)
    return spent
