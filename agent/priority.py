# SPDX-License-Identifier: Apache-2.0
"""While something is suspected the agent's threads go before others: a full processor must delay no repair.

Bursts are bounded (agent/mapek/schedule.py: 15 s a minute), so nobody is starved; outside of them the agent
waits for its turn like any other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Final

from agent.kernel.nice import USUAL, set_nice

# Nice steps: -5 is three times the share of a process that runs at the usual one, and leaves the kernel's own
# threads, which send batman-adv's messages, the most of what they need.
AHEAD: Final = -5
PATIENT: Final = ("x0-sense-slow", "x0-store")  # threads (their names' beginnings) nobody waits for

log = logging.getLogger(__name__)


class Priority:
    """`hurry` at each reading; it costs nothing while nothing changes. Event loop only."""

    def __init__(
        self,
        set_nice: Callable[[int, int], None] = set_nice,
        usual: int = USUAL,
    ) -> None:
        """`usual`: the nice value outside of bursts."""
        self._set = set_nice
        self._usual = usual
        self._ahead = False
        self._refused = False

    def hurry(self, bursting: bool) -> None:
        """From now on ahead of others, or no longer."""
        if bursting == self._ahead or self._refused:
            return
        self._ahead = bursting
        nice = self._usual + (AHEAD if bursting else 0)
        for thread in _threads(bursting):
            try:
                self._set(thread, nice)
            except ProcessLookupError:
                continue  # it has ended
            except OSError as error:  # no CAP_SYS_NICE, and RLIMIT_NICE (LimitNICE= of the unit) too low
                self._refused = True
                log.info("repairs wait for a full processor like all else: nice %d: %s", nice, error.strerror)
                return


def _threads(urgent: bool) -> Iterator[int]:
    """Kernel ids; all of them when it is over: a thread takes the priority of the one that started it."""
    for thread in threading.enumerate():
        if thread.native_id is not None and not (urgent and thread.name.startswith(PATIENT)):
            yield thread.native_id
