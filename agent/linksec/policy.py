# SPDX-License-Identifier: Apache-2.0
"""What `link_security` means for one neighbour, pure.

`required`: nothing passes in clear. `off`: nothing is asked for. `preferred`: a neighbour that cannot do it
is spoken to in clear, after it had its time to show itself; never again once it was seen secured, so that
whoever silences the handshake gains nothing.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Literal

Mode = Literal["required", "preferred", "off"]
MAX_SEEN: Final = 1024  # addresses remembered as secured: a mesh's worth; the one longest unseen goes
PATIENCE: Final = 10.0  # s `preferred` waits for a beacon of a newcomer: five of them, or an agent's start


class Verdict(enum.Enum):
    """What to do with a neighbour that batman-adv or its beacon shows."""

    PLAIN = "plain"
    SECURED = "secured"
    WAIT = "wait"  # nothing passes yet
    REFUSED = "refused"  # nothing passes, and it is reported


class LinkPolicy:
    """`seen`: MACs of neighbours that were secured in earlier runs (`seen_secured` gives them back to
    keep)."""

    def __init__(self, mode: Mode, seen: Iterable[str] = ()) -> None:
        self.mode = mode
        self._seen: OrderedDict[str, None] = OrderedDict()
        for mac in seen:
            self.secured(mac)

    def secured(self, mac: str) -> bool:
        """This neighbour's link was secured; is that new (and worth keeping on disk)?"""
        mac = mac.lower()
        new = mac not in self._seen
        self._seen[mac] = None
        self._seen.move_to_end(mac)
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return new

    def forget(self, mac: str) -> None:
        """A person says that this neighbour may be spoken to in clear again."""
        self._seen.pop(mac.lower(), None)

    def seen_secured(self) -> tuple[str, ...]:
        """To be kept over a restart, longest unseen first."""
        return tuple(self._seen)

    def judge(self, mac: str, *, up: bool, beacon: bool, known_for: float) -> Verdict:
        """`up`: secured now; `beacon`: it offers security; `known_for`: s since it was first heard of."""
        if self.mode == "off":
            return Verdict.PLAIN
        if up:
            return Verdict.SECURED
        if self.mode == "required":
            return Verdict.WAIT if beacon or known_for < PATIENCE else Verdict.REFUSED
        if mac.lower() in self._seen:
            return Verdict.WAIT if beacon else Verdict.REFUSED
        return Verdict.WAIT if beacon or known_for < PATIENCE else Verdict.PLAIN
