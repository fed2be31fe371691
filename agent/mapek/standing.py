# SPDX-License-Identifier: Apache-2.0
"""How healing stands as a whole: policy, pause, health, and what stops the executor."""

from __future__ import annotations

from agent.mapek.health import Health
from agent.mapek.policy import OBSERVE, Policy


class Standing:
    """The loop sets it; every decision looks at it."""

    def __init__(self, policy: Policy, health: Health) -> None:
        self.policy = policy
        self.health = health
        self.paused_until = 0.0
        self.stopped = ""  # why nothing can be carried out now, from the executor

    @property
    def observing(self) -> bool:
        """Is nothing to be changed by the configuration's mode?"""
        return self.policy.mode == OBSERVE

    def closed(self, now: float, subject: str = "") -> tuple[str, str]:
        """Why nothing may be begun on this subject now: as a word and as a sentence, both "" where it may.

        A service must have run once, anything else (also no subject) asks for a mesh that was healthy once.
        """
        if self.observing:
            return "observe", "mode is observe"
        if now < self.paused_until:
            return "paused", f"healing is paused for another {self.paused_until - now:.0f} s"
        if waiting := self.health.awaited(subject):
            return "unhealthy", waiting
        if not self.health.setup_done():
            return "setup", "the mesh is being set up"
        return "", ""
