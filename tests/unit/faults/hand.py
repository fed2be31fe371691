# SPDX-License-Identifier: Apache-2.0
"""A hand-written view: this node with wires e1 (to n1) and e3 (to n3), everything healthy unless changed."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.events import Diagnosis, Snapshot, Symptom
from agent.faults.base import View
from agent.readings import Echo, Hardif, Link, Mesh, Neighbour, Originator, Peer

NOW = 1000.0
OURS = {"e1": "02:78:30:02:00:01", "e3": "02:78:30:02:00:03"}
N1, N3 = "02:78:30:01:00:02", "02:78:30:03:00:02"  # the neighbours' interfaces
O1, O3 = "02:00:00:00:00:01", "02:00:00:00:00:03"  # their originators
DEAD = f"hardif/e1/{N1}"


def link(name: str, **changes: Any) -> Link:
    base = Link(name, 10 + int(name[-1]), OURS[name], 1532, True, True, "veth", master=5)
    return msgspec.structs.replace(base, **changes)


def neighbours(**ages: float) -> tuple[Neighbour, ...]:
    """Ages of the last ELP, by hardif."""
    macs = {"e1": N1, "e3": N3}
    return tuple(Neighbour(hardif, macs[hardif], age) for hardif, age in ages.items())


def mesh(**changes: Any) -> Mesh:
    base = Mesh(
        name="bat0",
        index=5,
        mac="02:00:00:00:00:02",
        algo="BATMAN_V",
        ogm_interval_ms=300,
        hop_penalty=30,
        gw_mode="off",
        bla=False,
        bonding=False,
        hardifs=(
            Hardif("x0prim", 6, "02:00:00:00:00:02", True),
            Hardif("e1", 11, OURS["e1"], True, 150),
            Hardif("e3", 13, OURS["e3"], True, 150),
        ),
        neighbours=neighbours(e1=0.05, e3=0.07),
        neighbours_at=NOW,
        originators=(
            Originator(O1, N1, "e1", 0.1, 10000, best=True),
            Originator(O1, N3, "e3", 0.1, 9000),
            Originator(O3, N3, "e3", 0.1, 10000, best=True),
        ),
        originators_at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def without(hardif: str, found: Mesh | None = None) -> Mesh:
    """The mesh after this hardif was detached."""
    found = found or mesh()
    return msgspec.structs.replace(
        found,
        hardifs=tuple(h for h in found.hardifs if h.name != hardif),
        neighbours=tuple(n for n in found.neighbours if n.hardif != hardif),
        originators=(
            Originator(O1, N3, "e3", 0.1, 9000, best=True),
            Originator(O3, N3, "e3", 0.1, 10000, best=True),
        ),
    )


def echo(hardif: str = "e1", mac: str = N1, **changes: Any) -> Echo:
    """Six requests unanswered for 0.2 s unless changed."""
    base = Echo(hardif, mac, sent=20, answered=14, unanswered_for=0.2, unanswered=6)
    return msgspec.structs.replace(base, **changes)


def peer(hardif: str = "e1", mac: str = N1, **changes: Any) -> Peer:
    """n1's agent, heard 0.3 s ago and hearing us, unless changed."""
    base = Peer("n1", O1, hardif, mac, "fe80::1", 0.3, True, 0.3, hello_streak=50)
    return msgspec.structs.replace(base, **changes)


AGENTS = (  # both neighbours run one, and said nothing of late that would count
    peer(hello_age=3.0, hears_us=None, hears_us_age=None, hello_streak=0),
    peer("e3", N3, node="n3", originator=O3, hello_age=3.0, hears_us=None, hears_us_age=None, hello_streak=0),
)


def snapshot(**changes: Any) -> Snapshot:
    base = Snapshot(at=NOW, wall=1.7e9, links=(link("e1"), link("e3")), mesh=mesh(), peers=AGENTS)
    return msgspec.structs.replace(base, **changes)


def view(snap: Snapshot | None = None, **changes: Any) -> View:
    from agent.faults.base import Thresholds

    base = View(
        now=NOW,
        snapshot=snap or snapshot(),
        history=(),
        thresholds=Thresholds(),
        hardifs_wanted=("e1", "e3"),
        primary="x0prim",
        mesh_name="bat0",
        services_wanted=("broker",),
        last_neighbours={f"e1/{N1}": O1, f"e3/{N3}": O3},
        set_up=frozenset({"e1", "e3"}),
    )
    return msgspec.structs.replace(base, **changes)


def diagnosis(symptom: Symptom, at: float = NOW) -> Diagnosis:
    return Diagnosis("d1", symptom.fault, symptom.subject, symptom.onset, at, symptom.evidence)


def about(fault: str, subject: str = DEAD, at: float = NOW) -> Diagnosis:
    return Diagnosis("d1", fault, subject, at - 0.6, at, {})
