# SPDX-License-Identifier: Apache-2.0
"""A hand-written view of a node with the radio wlan0 alone, which hears n1 and n3; healthy unless changed."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.events import Snapshot
from agent.faults.base import View
from agent.readings import Hardif, Link, Neighbour, Originator, Radio, Station
from tests.unit.faults.hand import N1, N3, NOW, O1, O3, mesh, snapshot, view

OURS = "02:00:00:00:01:00"
RADIO = "hardif/wlan0"


def station(mac: str, age: float = 0.05, plink: str = "estab") -> Station:
    return Station(mac, age, -50, plink=plink)


def radio(**changes: Any) -> Radio:
    base = Radio(
        "wlan0",
        12,
        OURS,
        "mesh",
        2412,
        stations=(station(N1), station(N3)),
        phy=0,
        heard_age=0.05,
        peered_age=0.05,
        peers=2,
    )
    return msgspec.structs.replace(base, **changes)


def deaf(age: float = 6.0, **changes: Any) -> Radio:
    """Nothing heard for so long."""
    silent = (station(N1, age), station(N3, age + 0.1))
    return radio(**{"stations": silent, "heard_age": age, "peered_age": age} | changes)


def unpeered(age: float = 6.0) -> Radio:
    """Both neighbours are heard, none is a peer."""
    return radio(stations=(station(N1, plink="listen"), station(N3, plink="blocked")), peered_age=age)


def ap(clients: int = 2, age: float | None = 1.0, phy: int | None = 0) -> Radio:
    rows = tuple(station(f"02:00:00:00:99:{n:02x}", age or 0.0, "") for n in range(clients))
    return Radio("ap0", 14, "02:00:00:00:01:01", "ap", 2412, stations=rows, phy=phy, heard_age=age)


def wlan(rx: int = 500, tx: int = 900, **changes: Any) -> Link:
    base = Link("wlan0", 12, OURS, 1532, True, True, master=5, rx_packets=rx, tx_packets=tx)
    return msgspec.structs.replace(base, **changes)


def air(found: Radio | None = None, *others: Radio, **changes: Any) -> Snapshot:
    rows = (
        Originator(O1, N1, "wlan0", 0.1, 10000, best=True),
        Originator(O3, N3, "wlan0", 0.1, 10000, best=True),
    )
    meshed = mesh(
        hardifs=(Hardif("x0prim", 6, "02:00:00:00:00:02", True), Hardif("wlan0", 12, OURS, True, 500)),
        neighbours=(Neighbour("wlan0", N1, 0.1), Neighbour("wlan0", N3, 0.1)),
        originators=rows,
    )
    base = {"links": (wlan(),), "mesh": meshed, "peers": (), "radios": (found or radio(), *others)}
    return snapshot(**base | changes)


def earlier(rx: int = 500, tx: int = 890, ago: float = 3.0) -> Snapshot:
    """What the counters were a while ago."""
    return air(at=NOW - ago, links=(wlan(rx, tx),))


def seen(found: Radio | None = None, *others: Radio, **changes: Any) -> View:
    """A view of this radio, whose counters moved on one side only since."""
    given = {key: changes.pop(key) for key in tuple(changes) if key in Snapshot.__struct_fields__}
    base = view(
        air(found, *others, **given),
        history=(earlier(),),
        hardifs_wanted=("wlan0",),
        last_neighbours={f"wlan0/{N1}": O1, f"wlan0/{N3}": O3},
        set_up=frozenset({"wlan0"}),
    )
    return msgspec.structs.replace(base, **changes)
