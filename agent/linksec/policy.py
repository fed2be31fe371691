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
MAX_SEEN: Final = 1024  # nodes remembered as secured: a mesh's worth; the one longest unseen goes
MAX_ADDRESSES: Final = 4  # MACs of one node on a segment: who shows more displaces its own, nobody else's
PATIENCE: Final = 10.0  # s `preferred` waits for a beacon of a newcomer: five of them, or an agent's start


class Verdict(enum.Enum):
    """What to do with a neighbour that batman-adv or its beacon shows."""

    PLAIN = "plain"
    SECURED = "secured"
    WAIT = "wait"  # nothing passes yet
    REFUSED = "refused"  # nothing passes, and it is reported


class LinkPolicy:
    """`seen`: (SPIFFE id, MAC) of neighbours that were secured in earlier runs, as `seen_secured` gives them.

    What is remembered belongs to the identity that proved itself; the MAC, which each neighbour chooses, is
    only how it is found again before it has proved anything.
    """

    def __init__(self, mode: Mode, seen: Iterable[tuple[str, str]] = ()) -> None:
        self.mode = mode
        self._seen: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        for peer, mac in seen:
            self.secured(peer, mac)

    def secured(self, peer: str, mac: str) -> bool:
        """This neighbour's link was secured; is that new (and worth keeping on disk)?"""
        mac = mac.lower()
        macs = self._seen.setdefault(peer, OrderedDict())
        new = mac not in macs
        macs[mac] = None
        macs.move_to_end(mac)
        self._seen.move_to_end(peer)
        if len(macs) > MAX_ADDRESSES:
            macs.popitem(last=False)
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return new

    def forget(self, peer: str) -> None:
        """A person says that this node may be spoken to in clear again, at whatever address."""
        self._seen.pop(peer, None)

    def seen_secured(self) -> tuple[tuple[str, str], ...]:
        """To be kept over a restart, longest unseen first."""
        return tuple((peer, mac) for peer, macs in self._seen.items() for mac in macs)

    def judge(self, mac: str, *, up: bool, beacon: bool, known_for: float) -> Verdict:
        """`up`: secured now; `beacon`: it offers security; `known_for`: s since it was first heard of."""
        if self.mode == "off":
            return Verdict.PLAIN
        if up:
            return Verdict.SECURED
        if self.mode == "required":
            return Verdict.WAIT if beacon or known_for < PATIENCE else Verdict.REFUSED
        if any(mac.lower() in macs for macs in self._seen.values()):
            return Verdict.WAIT if beacon else Verdict.REFUSED
        return Verdict.WAIT if beacon or known_for < PATIENCE else Verdict.PLAIN
