# SPDX-License-Identifier: Apache-2.0
"""mtu-small: a mesh interface no longer takes packets of full size (freifunk-gluon/gluon#660, #435).

What is too large for it goes in fragments, at twice the airtime; what the neighbour sends in full size is
lost: large pings die and small ones pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults.base import Fault, State, View
from agent.readings import Link, Wanted

DEADLINE_S: Final = 5.0  # the kernel tells of the change at once; the links are read every 5 s all the same
HAND: Final = "hand"  # key of the evidence that somebody lowered it
OVERHEAD: Final = 32  # bytes batman-adv puts around a payload at most (linux/batadv_packet.h)
FRAGMENTS: Final = ("frag_tx", "frag_fwd")  # ethtool statistics of the mesh interface


class MtuSmall:
    """An interface of the mesh, the primary too, whose MTU was right in this run and is no longer.

    One that never could (its driver refuses more) is no fault: batman-adv fragments, the keeper says so. A
    device that was made anew comes with a small one; where one stayed and its MTU fell, somebody lowered it.
    """

    id: ClassVar[str] = "mtu-small"
    title: ClassVar[str] = "Interface takes only small packets"
    by_hand: ClassVar[str] = (
        "`ip link set NAME mtu 1532` raises it (more if the configuration's mesh.mtu says so); look which "
        "script or program lowered it."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: one reading is enough, and the kernel tells of every change."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return tuple(
            self._symptom(view, wanted) for wanted in view.snapshot.wanted or () if _small(view, wanted)
        )

    def _symptom(self, view: View, wanted: Wanted) -> Symptom:
        link = lv.link_of(view, wanted.name)
        mtu = link.mtu if link else 0
        evidence = {
            "MTU": f"{wanted.name} takes packets of {mtu} bytes, wanted are {wanted.mtu}",
            "before": f"it took {wanted.was_mtu} bytes earlier",
            **_fragments(view),
        }
        last = _last_right(view, wanted)
        before = _link(last, wanted.name) if last is not None else None
        if before is not None and link is not None and before.index == link.index:
            evidence[HAND] = "a program or somebody lowered it"
        onset = last.at if last is not None else view.now
        return Symptom(self.id, Subject.hardif(wanted.name), onset, evidence)

    def sentence(self, symptom: Symptom) -> str:
        return f"Large packets are cut up or lost on this link: {symptom.evidence['MTU']}."

    def by_person(self, diagnosis: Diagnosis) -> bool:
        """Was it lowered? Raised once, then left alone (agent/mapek/personal.py)."""
        return HAND in diagnosis.evidence

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Raise it; where the driver refuses, let the mesh carry only what fits."""
        name = diagnosis.subject.split("/")[1]
        wanted, link = _wanted(view, name), lv.link_of(view, name)
        if wanted is None or link is None:
            return ()
        fits = {"hardif": view.mesh_name, "mtu": str(link.mtu - OVERHEAD)}
        return (
            Remedy(
                "raise-mtu", diagnosis.subject, {"hardif": name, "mtu": str(wanted.mtu)}, deadline=DEADLINE_S
            ),
            Remedy("clamp-mtu", diagnosis.subject, fits, deadline=DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Contained where the mesh interface itself takes no more than fits."""
        name = diagnosis.subject.split("/")[1]
        if view.snapshot.links is None:
            return State.PRESENT
        wanted, link, mesh = _wanted(view, name), lv.link_of(view, name), lv.link_of(view, view.mesh_name)
        if link is None or not link.admin_up or wanted is None or link.mtu >= wanted.mtu:
            return State.GONE
        fits = mesh is not None and mesh.mtu + OVERHEAD <= link.mtu
        return State.CONTAINED if fits else State.PRESENT


def _wanted(view: View, name: str) -> Wanted | None:
    return next((wanted for wanted in view.snapshot.wanted or () if wanted.name == name), None)


def _small(view: View, wanted: Wanted) -> bool:
    link = lv.link_of(view, wanted.name)
    return (
        link is not None
        and link.admin_up
        and link.mtu < wanted.mtu <= wanted.was_mtu
        and (wanted.kind == "primary" or wanted.name in view.set_up)
    )


def _last_right(view: View, wanted: Wanted) -> Snapshot | None:
    """The newest snapshot in which it was right, None where no history shows it."""

    def right(snapshot: Snapshot) -> bool:
        link = _link(snapshot, wanted.name)
        return link is not None and link.mtu >= wanted.mtu

    return next((snapshot for snapshot in reversed(view.history) if right(snapshot)), None)


def _link(snapshot: Snapshot, name: str) -> Link | None:
    return next((link for link in snapshot.links or () if link.name == name), None)


def _fragments(view: View) -> dict[str, str]:
    """How many packets were cut up since the oldest counters at hand, {} where none."""
    mesh = view.snapshot.mesh
    then = next((old.mesh.counters for old in view.history if old.mesh and old.mesh.counters), None)
    if mesh is None or then is None:
        return {}
    more = sum(max(0, mesh.counters.get(name, 0) - then.get(name, 0)) for name in FRAGMENTS)
    return {"fragments": f"{more} fragments sent in the last half minute"} if more else {}


FAULT: Fault = MtuSmall()
