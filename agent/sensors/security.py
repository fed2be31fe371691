# SPDX-License-Identifier: Apache-2.0
"""How the links are secured: `security`.

No `make` here: it needs the running link security, so the composition root builds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from agent.securityreadings import Security

CALM_PERIOD = 1.0  # s; what is news wakes the monitor
ATTENTIVE_PERIOD = 0.25  # s


class SecuritySensor:
    """What agent/nodelinks.py said last; None where links are not secured."""

    name: ClassVar[str] = "security"

    def __init__(self, newest: Callable[[], Security | None]) -> None:
        self._newest = newest

    def period(self, attention: bool) -> float:
        """Seconds between two looks."""
        return ATTENTIVE_PERIOD if attention else CALM_PERIOD

    def read(self, now: float) -> Security | None:
        """The newest reading."""
        return self._newest()
