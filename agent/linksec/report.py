# SPDX-License-Identifier: Apache-2.0
"""What link security tells the rest of the agent: events as they happen, the state of each link, counters."""

from __future__ import annotations

import enum

import msgspec

from agent.linksec.errors import Reason


class Kind(enum.StrEnum):
    """What happened."""

    UP = "up"  # both can read each other
    KEY = "key"  # a neighbour's new key was installed
    REKEYED = "rekeyed"  # ours was changed
    HELD = "held"  # its channel is lost, its keys still work
    RESUMED = "resumed"  # and stands again
    DOWN = "down"  # nothing is received from it any more
    FAILED = "failed"  # a link could not be secured
    DUPLICATE = "duplicate"  # one identity from two nodes


class LinkEvent(msgspec.Struct, frozen=True):
    """`peer`: a SPIFFE id, or an address where no id was verified. `text`: a sentence."""

    kind: Kind
    interface: str
    peer: str = ""
    mac: str = ""
    reason: Reason | None = None
    text: str = ""


class LinkState(msgspec.Struct, frozen=True):
    """One neighbour, for page, metrics and `x0 links`. Ages in s."""

    interface: str
    peer: str
    mac: str
    address: str
    up: bool  # both can read each other
    held: bool
    suite: str
    age: float  # of the link
    key_age: float  # of our key


class Counters(msgspec.Struct):
    """Since the agent's start, for one interface."""

    beacons_sent: int = 0
    beacons_heard: int = 0
    beacons_malformed: int = 0
    beacons_limited: int = 0  # over a rate
    accepted: int = 0  # connections taken
    refused: int = 0  # connections not taken: rate or half-open bound
    dialled: int = 0
    confirmed: int = 0
    keys_installed: int = 0
    rekeys: int = 0
    duplicates: int = 0
    failures: dict[str, int] = {}

    def failed(self, reason: Reason) -> None:
        """Count one."""
        self.failures[reason.value] = self.failures.get(reason.value, 0) + 1
