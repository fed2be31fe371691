# SPDX-License-Identifier: Apache-2.0
"""The latest time that has surely passed, kept over power cuts: a router without a clock wakes up in 1970.

Two floors, as two kinds of witness can lie: what our own clock said while it was trusted, and what
authenticated others signed (the issue of SVIDs and lists). An untrusted time is the later of the two. A
trusted clock is held to its own floor alone, so no issuer that lies ahead can take it away. In one run each
floor rises by no more than the time that passed and one step; neither falls by itself, and a person can
remove the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from agent.identity.errors import KeyFileError
from agent.identity.keyfile import PUBLIC, read_public, write
from agent.identity.limits import DAY, SKEW
from agent.identity.moment import Moment

WRITE_EVERY = 3_600.0  # seconds of progress worth a write: flash wears out
MAX_STEP = 400 * DAY  # of our own clock in one run: a node in a cupboard over a winter, and more
# Of signed times in one run. A floor that lags costs nothing (what begins later is deferred), one that is
# ahead ends SVIDs: they are renewed with 40 % of 14 days left at the latest, so five days ahead end none.
SIGNED_STEP = 5 * DAY
EARLIEST = 1_793_491_200.0  # 2026-11-01: this was not written then, so no true time lies before it
LATEST = 7_258_118_400.0  # 2200: beyond it is no time
FILE_BYTES = 64


class TimeFloor:
    """One per node; `path` holds both floors as whole Unix seconds: the clock's, then the signed one.

    `monotonic` gives seconds that pass while this process runs, whatever the clock is set to.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.path, self._monotonic = path, monotonic
        self.trouble = ""  # why the file could not be read or written, "" where it could
        self._clock = self._signed = EARLIEST
        try:
            found = [float(int(each)) for each in read_public(path, FILE_BYTES).decode("ascii").split()]
            if len(found) != 2 or not all(EARLIEST <= each <= LATEST for each in found):
                raise ValueError("other numbers than ours")
            self._clock, self._signed = found
        except KeyFileError as error:
            self.trouble = error.what if path.exists() else ""
        except ValueError:
            self.trouble = f"{path} holds no time; begun anew"
        self._written, self._began, self._first = self._clock, monotonic(), self.at
        self._seen: float | None = None  # our trusted clock when it was last asked, less the seconds passed

    @property
    def at(self) -> float:
        """The floor, Unix seconds."""
        return max(self._clock, self._signed)

    def moment(self, clock: float, *, trusted: bool) -> Moment:
        """Now, by our clock where it is trusted and not before its own floor; else the floor, untrusted."""
        if trusted and clock >= self._clock:
            return Moment(clock)
        return Moment(self.at, trusted=False)

    def saw_clock(self, clock: float) -> None:
        """Our own clock, while it is trusted. Blocks for a write at most once in an hour of progress."""
        passed = self._passed()
        if not self._clock <= clock <= min(LATEST, self._first + MAX_STEP + passed):
            return
        self._clock, self._seen = clock, clock - passed
        if clock - self._written >= WRITE_EVERY:
            self._write()

    def saw_signed(self, at: float, signer_end: float) -> None:
        """A time an authenticated issuer signed, whose certificate ends at `signer_end`.

        Ignored where it lies beyond that end or ahead of our own trusted clock. Written at once: it is rare.
        """
        passed = self._passed()
        ahead = self._seen is not None and at > self._seen + passed + SKEW
        if not at <= min(signer_end, LATEST) or ahead:
            return
        at = min(at, self._first + SIGNED_STEP + passed)
        if at > self.at:
            self._signed = at
            self._write()

    def _passed(self) -> float:
        return max(0.0, self._monotonic() - self._began)

    def _write(self) -> None:
        try:
            write(self.path, f"{int(self._clock)} {int(self._signed)}\n".encode(), PUBLIC)
        except KeyFileError as error:
            self.trouble = error.what
        else:
            self._written, self.trouble = self._clock, ""
