# SPDX-License-Identifier: Apache-2.0
"""Waiting for what a lab shows, and the best way a node shows: read from `batctl`, never from an agent."""

from __future__ import annotations

import time
from collections.abc import Callable

from tools.lab.client import Lab


def until(condition: Callable[[], object], what: str, within: float, every: float = 0.1) -> None:
    """Return when the condition holds; AssertionError with `what` after `within` seconds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {within:g} s"
        time.sleep(every)


def best(lab: Lab, node: str, target: str) -> str:
    """The device at which the node's best way to the target begins, "" where it knows none."""
    originator = lab.routes.identity(target)
    rows = lab.json(node, "batctl", "meshif", "bat0", "originators_json")
    return next((r["hard_ifname"] for r in rows if r["orig_address"] == originator and r.get("best")), "")


def attached(lab: Lab, node: str, device: str) -> bool:
    """Whether the device is an active part of the mesh, as the kernel says."""
    return f"{device}: active" in lab.exec(node, "batctl", "meshif", "bat0", "interface").stdout
