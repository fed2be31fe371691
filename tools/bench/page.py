# SPDX-License-Identifier: Apache-2.0
"""The status page: its weight, and its first paint in Chromium with the processor slowed as a phone's."""

from __future__ import annotations

import gzip
import statistics
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from tools.bench.footprint import agent
from tools.bench.table import Table
from tools.browser.chromium import Chromium
from tools.browser.tab import Tab

SLOWED = (1, 4)  # times; 4 stands for a common phone, as Lighthouse has it
LOADS = 7
PAINT_MS = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    figures: dict[str, Any] = {}
    table = Table("Status page of an agent on this host")
    table.head("processor slowed", "first contentful paint, median ms", "worst ms", "loads")
    with tempfile.TemporaryDirectory(prefix="x0-bench-") as work, agent(Path(work)) as (_, metrics):
        url = metrics.removesuffix("metrics")
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own page
            raw = answer.read()
        figures["bytes"], figures["gzip_bytes"] = len(raw), len(gzip.compress(raw))
        with Chromium() as browser:
            for times in SLOWED:
                paints = [_paint(browser, url, times) for _ in range(LOADS)]
                figures[f"first_paint_ms_slowed_{times}"] = paints
                median, worst = statistics.median(paints), max(paints)
                table.row(f"{times} x", f"{median:.0f}", f"{worst:.0f}", str(LOADS))
    table.note(f"one file of {figures['bytes']} bytes, {figures['gzip_bytes']} with gzip (limit 25,000)")
    return figures, table.text()


def _paint(browser: Chromium, url: str, times: int) -> float:
    tab = Tab(browser, throttle=times)
    try:
        tab.go(url)
        tab.wait(f"{PAINT_MS} > 0")
        return float(tab.eval(PAINT_MS))
    finally:
        tab.close()
