# SPDX-License-Identifier: Apache-2.0
"""For how long originator messages go out faster, and how often that may happen. No I/O; time is given."""

from __future__ import annotations

from collections import deque
from typing import Final

HASTE_S: Final = 3.0  # five messages at 100 ms, twice over, after one slow interval of up to a second
MAX_A_MINUTE: Final = 6  # default: at most 18 s of 60 in haste, however often unauthenticated hints come
MINUTE_S: Final = 60.0


class Haste:
    """Bounded haste: `ask` for it, look whether it is `active`."""

    def __init__(self, most: int = MAX_A_MINUTE) -> None:
        """`most` a minute; the last of them is kept for what this node sees itself."""
        self.until = float("-inf")
        self._begun: deque[float] = deque(maxlen=most)

    def ask(self, now: float, *, foreign: bool = False) -> bool:
        """Is there haste now? Begins or prolongs it where the minute's bound allows.

        `foreign`: somebody else's word is all there is for it.
        """
        if self.active(now) and now - self._begun[-1] < HASTE_S / 2:
            return True
        if len(self._begun) == self._begun.maxlen and now - self._begun[0] < MINUTE_S:
            return self.active(now)
        if foreign and sum(now - begun < MINUTE_S for begun in self._begun) >= (self._begun.maxlen or 0) - 1:
            return self.active(now)
        self._begun.append(now)
        self.until = now + HASTE_S
        return True

    def stop(self) -> None:
        """It has served."""
        self.until = float("-inf")

    def active(self, now: float) -> bool:
        """Is there haste at this time?"""
        return now < self.until
