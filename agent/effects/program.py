# SPDX-License-Identifier: Apache-2.0
"""Runs a program of the system for an action; its words stand in the error."""

from __future__ import annotations

import subprocess

from agent.remedies.base import ActionError

SAID = 200  # characters of what it said: a line or two tell why


def run(what: str, argv: list[str], limit: float, look: str) -> None:
    """Within `limit` seconds. ActionError: `what` was tried, what it said, where to `look`."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionError(f"{what}: {error}") from error
    if done.returncode:
        said = done.stderr.strip()[:SAID] or f"status {done.returncode}"
        raise ActionError(f"{what}: {said}; look with `{look}`")
