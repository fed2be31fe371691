# SPDX-License-Identifier: Apache-2.0
"""Asks an expensive question less and less often while the answer stays "nothing"."""

from __future__ import annotations

from collections.abc import Callable

from agent.services.errors import ServiceError
from agent.services.process import Process

# s between two questions: a service that is being restarted is back within the first seconds; one that
# stays away is seen at the latest 4 s after a person started it
FIRST = 0.25
LONGEST = 4.0
Answer = Process | None


class Patience:
    """Keeps the last answer for a time that doubles; a process found, or lost, starts it afresh."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._error: ServiceError | None = None
        self.reset()

    def reset(self) -> None:
        """The next question is asked at once."""
        self._next, self._wait, self._error = float("-inf"), FIRST, None

    def ask(self, urgent: bool, question: Callable[[], Answer]) -> Answer:
        """The question's answer, or the last one (None or ServiceError) while it is too early."""
        now = self._clock()
        if urgent:
            self.reset()
        if now < self._next:
            if self._error is not None:
                raise self._error
            return None
        self._next, self._wait = now + self._wait, min(LONGEST, self._wait * 2)
        try:
            found = question()
        except ServiceError as error:
            self._error = error
            raise
        self._error = None
        if found is not None:
            self.reset()
        return found
