# SPDX-License-Identifier: Apache-2.0
"""One neighbour being asked by ICMPv6 echo: what was sent and answered. Pure."""

from __future__ import annotations

from agent.readings import Echo

FAST_MAX = 10.0  # s a suspect is asked fast; a suspicion that lasts longer is asked slowly


class Target:
    """One neighbour being asked; monotonic seconds."""

    def __init__(self, hardif: str, mac: str, now: float, questions: int = 0) -> None:
        """`questions`: asked only so often, slowly, to learn whether it answers at all; 0: while wanted."""
        self.hardif, self.mac = hardif, mac
        self.learning = questions > 0
        self.questions = questions  # left
        self.fast_until = 0.0
        self.fast_since = now
        self.watched = False
        self.due = now
        self.sent = self.answered = self.streak = 0
        self.unanswered = 0  # requests since the last answer
        self.asked_since: float | None = None  # first request after the last answer
        self.answered_at: float | None = None
        self.streak_since: float | None = None
        self.rtt: float | None = None

    def fast(self, now: float) -> bool:
        return now < self.fast_until and now - self.fast_since < FAST_MAX

    def wanted(self, now: float) -> bool:
        return self.watched or now < self.fast_until or self.questions > 0

    def asked(self, now: float) -> None:
        self.sent += 1
        self.questions = max(0, self.questions - 1)
        self.unanswered += 1
        if self.asked_since is None:
            self.asked_since = now

    def lost(self) -> None:
        self.streak, self.streak_since = 0, None

    def answer(self, asked_at: float, at: float, in_time: bool) -> None:
        self.answered += 1
        self.unanswered = self.questions = 0
        self.answered_at, self.rtt, self.asked_since = at, at - asked_at, None
        if in_time:
            self.streak += 1
            self.streak_since = at if self.streak_since is None else self.streak_since

    def reading(self, now: float, looked: float, known: bool) -> Echo:
        """`looked`: when everything that had arrived was taken; what came later may hold the answer.

        `known`: has it answered before, too?
        """
        return Echo(
            hardif=self.hardif,
            mac=self.mac,
            sent=self.sent,
            answered=self.answered,
            unanswered_for=0.0 if self.asked_since is None else max(0.0, looked - self.asked_since),
            unanswered=self.unanswered,
            answer_age=None if self.answered_at is None else max(0.0, now - self.answered_at),
            rtt_ms=None if self.rtt is None else self.rtt * 1000,
            streak=self.streak,
            streak_age=0.0 if self.streak_since is None else max(0.0, now - self.streak_since),
            ever_answered=known or self.answered > 0,
        )
