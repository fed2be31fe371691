# SPDX-License-Identifier: Apache-2.0
"""A hand-written view of secured links: e1 to n1, e3 to n3, all well unless changed."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.events import Snapshot
from agent.faults.base import View
from agent.securityreadings import (
    LinkFailure,
    OwnIdentity,
    SecuredInterface,
    SecuredLink,
    Security,
    UnsecuredNeighbour,
)
from tests.unit.faults.hand import N1, N3, NOW, snapshot, view

WALL = 1_790_000_000.0
DAY = 86_400.0
P1, P3 = "spiffe://tal/node/n1", "spiffe://tal/node/n3"
LINK = f"hardif/e1/{N1}"
STRANGER = "02:99:99:99:99:99"


def link(**changes: Any) -> SecuredLink:
    base = SecuredLink(
        "e1", N1, P1, "post-quantum", address="fe80::1", suite="hybrid", age=900.0, key_age=100.0,
        rx_ok=1000, rx_bad=0,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def other(**changes: Any) -> SecuredLink:
    return link(**{"hardif": "e3", "mac": N3, "peer": P3, "address": "fe80::3", **changes})


def interface(name: str = "e1", **changes: Any) -> SecuredInterface:
    base = SecuredInterface(name, "macsec0", there=True, key_age=100.0, rekey_period=600.0, rekeys=3)
    return msgspec.structs.replace(base, **changes)


def identity(**changes: Any) -> OwnIdentity:
    base = OwnIdentity("spiffe://tal/node/n2", WALL - 5 * DAY, WALL + 9 * DAY, 9 * DAY, time_trusted=True)
    return msgspec.structs.replace(base, **changes)


def failure(reason: str, **changes: Any) -> LinkFailure:
    base = LinkFailure("e1", reason, P1, N1, "text", count=1, first_age=30.0, age=10.0)
    return msgspec.structs.replace(base, **changes)


def unsecured(**changes: Any) -> UnsecuredNeighbour:
    base = UnsecuredNeighbour("e1", STRANGER, known_for=12.0, heard_age=0.5, refused=True)
    return msgspec.structs.replace(base, **changes)


def secured(**changes: Any) -> Security:
    base = Security(
        "required", "hybrid", identity(), (interface(), interface("e3", device="macsec1")), (link(), other())
    )
    return msgspec.structs.replace(base, **changes)


def seen(found: Security | None = None, **changes: Any) -> Snapshot:
    """A snapshot with this of link security."""
    return snapshot(**{"wall": WALL, "security": found if found is not None else secured(), **changes})


def sight(found: Security | None = None, history: tuple[Snapshot, ...] = (), **changes: Any) -> View:
    """A view of it."""
    return view(seen(found, **changes), history=history)


def readings(*links: SecuredLink | None, every: float = 5.0) -> View:
    """The link e1 over time, oldest first, the last is now; None: no such link."""
    snapshots = [
        seen(secured(links=(*((each,) if each else ()), other())), at=NOW - every * (len(links) - 1 - number))
        for number, each in enumerate(links)
    ]
    return view(snapshots[-1], history=tuple(snapshots[:-1]))
