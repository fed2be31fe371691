# SPDX-License-Identifier: Apache-2.0
"""The latest time that has surely passed, kept over power cuts: a router without a clock wakes up in 1970.

What raises the floor: our own clock while it is trusted, and what authenticated others signed (the issue of
SVIDs and lists). It never falls by itself. A trusted clock ten years ahead would lift it for good, so a step
of more than MAX_STEP needs an issuer's signed time, and a person can remove the file.
"""

from __future__ import annotations

from pathlib import Path

from agent.identity.errors import KeyFileError
from agent.identity.keyfile import PUBLIC, read_public, write
from agent.identity.limits import DAY
from agent.identity.moment import Moment

WRITE_EVERY = 3_600.0  # seconds of progress worth a write: flash wears out
MAX_STEP = 400 * DAY  # how far our own clock alone may lift it: a node in a cupboard over a winter, and more
EARLIEST = 1_793_491_200.0  # 2026-11-01: this was not written then, so no true time lies before it
LATEST = 7_258_118_400.0  # 2200: beyond it is no time
FILE_BYTES = 64


class TimeFloor:
    """One per node; `path` holds whole Unix seconds as text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""  # why the file could not be read or written, "" where it could
        self.at = EARLIEST
        try:
            found = float(int(read_public(path, FILE_BYTES).decode("ascii")))
            if EARLIEST <= found <= LATEST:
                self.at = found
            else:
                self.trouble = f"{path} holds no time; begun anew"
        except KeyFileError as error:
            self.trouble = error.what if path.exists() else ""
        except ValueError:
            self.trouble = f"{path} holds no time; begun anew"
        self._written = self.at

    def moment(self, clock: float, *, trusted: bool) -> Moment:
        """Now, by our clock where it is trusted and not before the floor; else the floor, untrusted."""
        if trusted and clock >= self.at:
            return Moment(clock)
        return Moment(self.at, trusted=False)

    def saw_clock(self, clock: float) -> None:
        """Our own clock, while it is trusted. Blocks for a write at most once in an hour of progress."""
        if clock <= self.at + MAX_STEP:
            self._raise(clock, force=False)

    def saw_signed(self, at: float) -> None:
        """A time an authenticated issuer signed. Written at once: it is rare."""
        self._raise(at, force=True)

    def _raise(self, at: float, *, force: bool) -> None:
        if not self.at < at <= LATEST:
            return
        self.at = at
        if force or at - self._written >= WRITE_EVERY:
            try:
                write(self.path, f"{int(at)}\n".encode(), PUBLIC)
            except KeyFileError as error:
                self.trouble = error.what
            else:
                self._written, self.trouble = at, ""
