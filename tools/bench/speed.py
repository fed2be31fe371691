# SPDX-License-Identifier: Apache-2.0
"""How fast this machine is just now: shared ones differ twofold from hour to hour, and gaps with them."""

from __future__ import annotations

import statistics
import time

STEPS = 1_000_000
LOOPS = 5


def loop_ms() -> float:
    """Milliseconds of a fixed Python loop on one core, median of five."""
    return statistics.median(_once() for _ in range(LOOPS))


def _once() -> float:
    begun, total = time.perf_counter(), 0
    for number in range(STEPS):
        total += number * number
    return (time.perf_counter() - begun) * 1000
