# SPDX-License-Identifier: Apache-2.0
"""hardif-missing: a mesh interface that exists dropped out of the mesh (openwrt/routing#1054) or was switched
off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults.base import Fault, State, View

ATTACH_DEADLINE_S = 5.0
OFF_S = 3.0  # s it must be switched off: restarting a radio or changing an address switches it off, too
SECOND_TRY_S = 10.0  # after the diagnosis: the driver or script that took it out may need that to finish


class HardifMissing:
    """A configured interface that was in the mesh and exists, but batman-adv no longer uses it, or it is off.

    Not where we hold it out ourselves or where a person gave it another master. A driver that takes it out
    makes it anew, which is set up anew (agent/mesh/setup.py); so it is a person or a script: by_person.
    """

    id: ClassVar[str] = "hardif-missing"
    title: ClassVar[str] = "Interface missing from the mesh"
    by_hand: ClassVar[str] = (
        "`batctl meshif bat0 interface add NAME` puts it back; the kernel's log may say what took it out."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    by_person: ClassVar[bool] = True  # restored once, then left alone (agent/mapek/personal.py)

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return tuple(
            Suspicion(self.id, Subject.hardif(name), "absent from the mesh's interfaces")
            for name in _missing(view)
        )

    def symptoms(self, view: View) -> Sequence[Symptom]:
        """Missing by batman-adv's own list and by rtnetlink, which are read apart; or off for a while."""
        gone = [name for name in _missing(view) if not _attached(view.snapshot, name)]
        return tuple(self._symptom(view, name) for name in (*gone, *_switched_off(view)))

    def _symptom(self, view: View, name: str) -> Symptom:
        mesh, link = view.snapshot.mesh, lv.link_of(view, name)
        used = ", ".join(h.name for h in mesh.hardifs) if mesh else ""
        if link is not None and not link.admin_up:
            evidence = {
                "interface": f"{name} exists and is switched off",
                "mesh": f"{view.mesh_name} cannot use it",
            }
            return Symptom(self.id, Subject.hardif(name), view.now - OFF_S, evidence)
        carrier = "up with carrier" if link is not None and link.carrier else "up, without carrier"
        evidence = {
            "interface": f"{name} exists and is {carrier}",
            "mesh": f"{view.mesh_name} uses {used or 'no interface'}",
        }
        seen = (snapshot.at for snapshot in reversed(view.history) if _attached(snapshot, name))
        return Symptom(self.id, Subject.hardif(name), next(seen, view.now), evidence)

    def sentence(self, symptom: Symptom) -> str:
        return (
            f"The mesh has lost an interface it should use: {symptom.evidence['interface']}, "
            f"but {symptom.evidence['mesh']}."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Attach it; once more a little later."""
        name = diagnosis.subject.split("/")[1]
        args = {"mesh": view.mesh_name, "hardif": name}
        later = {"attempt": "2", "not_before": f"{diagnosis.at + SECOND_TRY_S:.3f}"}
        return (
            Remedy("attach-hardif", diagnosis.subject, args, deadline=ATTACH_DEADLINE_S),
            Remedy("attach-hardif", diagnosis.subject, args | later, deadline=ATTACH_DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        name = diagnosis.subject.split("/")[1]
        found, link = lv.attached(view).get(name), lv.link_of(view, name)
        if found is not None and found.active and (link is None or link.admin_up):
            return State.GONE
        if view.snapshot.links is not None and (link is None or _taken(view, name)):
            return State.GONE  # unplugged, or used elsewhere by a person: no longer this fault
        return State.PRESENT


def _missing(view: View) -> tuple[str, ...]:
    """Configured interfaces that were set up, are up, and are not in the mesh without our doing."""
    if view.snapshot.mesh is None:
        return ()
    there = {h.name for h in view.snapshot.mesh.hardifs}
    return tuple(
        name
        for name in view.hardifs_wanted
        if name in view.set_up
        and name not in there
        and name not in view.detached
        and name not in view.released
        and lv.usable(view, name)
        and not _taken(view, name)
    )


def _switched_off(view: View) -> tuple[str, ...]:
    """Configured interfaces that were set up and have been down by administration for OFF_S."""
    past = [old for old in view.history if old.at >= view.now - OFF_S]
    if not any(old.at < view.now - OFF_S for old in view.history):
        return ()  # we do not look for long enough
    return tuple(
        name
        for name in view.hardifs_wanted
        if name in view.set_up
        and name not in view.detached
        and not _taken(view, name)
        and all(_off(snapshot, name) for snapshot in (*past, view.snapshot))
    )


def _off(snapshot: Snapshot, name: str) -> bool:
    """Does the interface exist and is it down by administration?"""
    link = next((link for link in snapshot.links or () if link.name == name), None)
    return link is not None and not link.admin_up


def _attached(snapshot: Snapshot, name: str) -> bool:
    """Does rtnetlink call the mesh its master?"""
    link = next((link for link in snapshot.links or () if link.name == name), None)
    return link is not None and snapshot.mesh is not None and link.master == snapshot.mesh.index


def _taken(view: View, name: str) -> bool:
    """Does the interface have another master than the mesh (a bridge, say)? A person's doing."""
    link, mesh = lv.link_of(view, name), view.snapshot.mesh
    return link is not None and mesh is not None and link.master not in (0, mesh.index)


FAULT: Fault = HardifMissing()
