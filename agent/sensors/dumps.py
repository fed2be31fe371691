# SPDX-License-Identifier: Apache-2.0
"""When the originator table is dumped: it is dear (33 us a row), a cut cable is suspected for hours. Pure.

Three needs: a fault decided in a burst wants it at once; an act is verified by the first dump after it; a
link held out of the mesh wants to know, within `originator_silence_s`, whether another way is left. Whatever
the need, the dumps stay below a share of one core.
"""

from __future__ import annotations

from typing import Final

from agent.sensors.base import Look, Pace

CALM: Final = 30.0  # s between two dumps
WATCH: Final = 10.0  # s where they are cheap: who fell silent beyond the neighbours shows only here
BURST: Final = 0.2  # s: several within the 2 s in which a dead link is decided and left
SIMMER: Final = 1.0  # s: below the 1.5 s after which a dump no longer tells whether another way is left
AFTER: Final = 2.0  # s after a neighbour came or went: two of batman-adv's own OGM intervals
# Shares of a core. 1,000 nodes by one way each are 33 ms: 0.41 s between two dumps of a burst, 1.65 s and
# 6.6 s while it simmers; up to 485 rows a burst is as fast as BURST allows.
BURST_SHARE: Final = 0.08  # together with the neighbours' own dumps below a tenth
SIMMER_SHARE: Final = 0.02
STANDING_SHARE: Final = 0.005  # for what has stood for long: nobody waits for it by the second
WATCH_SHARE: Final = 0.001  # for that: some 300 rows every 10 s
STANDING: Final = 60.0  # s: by then what was done about a suspicion was verified or given up


class DumpPace:
    """Asked before every reading; told what the dumps cost and what changed in the mesh."""

    def __init__(self) -> None:
        self._last: float | None = None  # None: there is no table yet
        self._cost = 0.0  # s of the last dump
        self._changed = float("-inf")
        self._soon = float("inf")  # a dump is wanted by then: the mesh has changed since the last one

    def due(self, now: float, pace: Pace) -> bool:
        """Is it time for a dump?"""
        if self._last is None:
            return True
        since = now - self._last
        if pace.look is Look.BURST:
            return since >= max(BURST, self._cost / BURST_SHARE)
        if pace.look is Look.SIMMER:
            if now >= self._soon:  # an act shows as a change of the mesh, and this dump verifies it
                return since >= max(BURST, self._cost / BURST_SHARE)
            quiet = min(pace.standing, now - self._changed)
            share = SIMMER_SHARE if quiet < STANDING else STANDING_SHARE
            return since >= min(CALM, max(SIMMER, self._cost / share))
        if now >= self._soon + AFTER:  # else a node that just joined knows nobody for half a minute
            return since >= self._cost / SIMMER_SHARE
        return since >= min(CALM, max(WATCH, self._cost / WATCH_SHARE))

    def done(self, now: float, cost: float) -> None:
        """The table was dumped in a reading that began at `now`, for `cost` s of processor time."""
        self._last, self._cost, self._soon = now, cost, float("inf")

    def changed(self, now: float) -> None:
        """A neighbour came or went, or the mesh's hardifs or OGM interval are others."""
        self._changed = now
        self._soon = min(self._soon, now)
