# SPDX-License-Identifier: Apache-2.0
"""Waiting for traffic to flow."""

from __future__ import annotations

import time

from tools.lab.client import Lab

STEADY_S = 2.0
ANSWERS_S = 40.0  # generous: the machine is emulated, and radios join more slowly than wires


def steady(lab: Lab, flow: str, seconds: float = STEADY_S) -> None:
    """Wait until the flow has had no gap for so long."""
    end = time.monotonic() + ANSWERS_S
    while time.monotonic() < end:
        report = lab.traffic_report(flow)[flow]
        last_gap = max((gap.end or gap.seen for gap in report.gaps), default=report.first or 0.0)
        if report.received and report.last is not None and report.last - last_gap > seconds:
            return
        time.sleep(0.2)
    raise AssertionError(f"{flow} is not steady within {ANSWERS_S} s")
