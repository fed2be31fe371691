# SPDX-License-Identifier: Apache-2.0
"""What is wanted of the two wires of tests/unit/faults/hand.py, and the primary's link."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.events import Snapshot
from agent.readings import Link, Wanted
from tests.unit.faults.hand import NOW, OURS, link, mesh, snapshot

PRIMARY = Link("x0prim", 6, "02:00:00:00:00:02", 1532, True, True, "dummy", master=5)
BAT = Link("bat0", 5, "02:00:00:00:00:99", 1500, True, True, "batadv")
KBIT = 1_000_000


def wanted(name: str, **changes: Any) -> Wanted:
    base = Wanted(
        name, "wire", 1532, True, KBIT, 100.0, was_mtu=1532, was_mac=OURS.get(name, ""), read_at=NOW
    )
    return msgspec.structs.replace(base, **changes)


MAIN = Wanted("x0prim", "primary", 1532, True, was_mtu=1532, was_mac=PRIMARY.mac)
ALL = (MAIN, wanted("e1"), wanted("e3"))


def told(kbit: int | None, **changes: Any) -> Any:
    """A mesh in which batman-adv was told this of e1, and the right thing of e3."""
    kbits = {"e1": kbit, "e3": KBIT}
    rows = tuple(
        msgspec.structs.replace(row, throughput_override_kbit=kbits.get(row.name)) for row in mesh().hardifs
    )
    return mesh(hardifs=rows, hardifs_at=NOW, **changes)


def wires(*links: Link, **changes: Any) -> Snapshot:
    """A snapshot with these links in place of the healthy ones of the same name."""
    healthy = {one.name: one for one in (PRIMARY, BAT, link("e1"), link("e3"))}
    healthy |= {one.name: one for one in links}
    return snapshot(**{"links": tuple(healthy.values()), "wanted": ALL, "mesh": told(KBIT), **changes})
