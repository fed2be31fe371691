# SPDX-License-Identifier: Apache-2.0
"""mesh-if-missing: the mesh interface, or a radio's interface, is gone or switched off (openwrt/routing#530).

Making them again is the keeper's set-up and needs no permission; this fault names what happened, has the
set-up look at once, and watches until the mesh is whole again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults.base import Fault, State, View
from agent.readings import Link, Mesh

DEADLINE_S: Final = 15.0  # made anew in under a second; a neighbour may take some to be heard again
SECOND_TRY_S: Final = 20.0  # after the diagnosis: what removed it may still be at work
OFF: Final = "off"  # the state that is a person's doing
MESH: Final = "mesh/"  # subjects of the mesh interface; those of a radio are hardifs


class MeshIfMissing:
    """An interface that was part of the mesh in this run and no longer exists, or the mesh interface down.

    Switched off again after it was switched on, it is left alone: no program does that by itself. Removed
    again, it is made again all the same: drivers and supplicants do.
    """

    id: ClassVar[str] = "mesh-if-missing"
    title: ClassVar[str] = "Mesh interface missing"
    by_hand: ClassVar[str] = (
        "The agent makes it again by itself; `ip link show bat0` and `iw dev` show whether it did, "
        "`ip link set bat0 up` switches it on."
    )
    explains: ClassVar[frozenset[str]] = frozenset({"hardif-missing"})

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: the kernel tells of a removed interface at once."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return (*self._mesh(view), *self._radios(view))

    def _mesh(self, view: View) -> tuple[Symptom, ...]:
        state, words = _wrong(view)
        if not state:
            return ()
        evidence = {"state": state, view.mesh_name: words}
        return (Symptom(self.id, f"{MESH}{view.mesh_name}", _onset(view), evidence),)

    def _radios(self, view: View) -> tuple[Symptom, ...]:
        links = view.snapshot.links
        return tuple(
            Symptom(
                self.id,
                Subject.hardif(wanted.name),
                _last_seen(view, wanted.name),
                {
                    "state": "gone",
                    wanted.name: f"the radio's interface {wanted.name} is gone, its radio is there "
                    f"(phy{wanted.left_phy})",
                },
            )
            for wanted in view.snapshot.wanted or ()
            if wanted.left_phy is not None
            and links is not None
            and all(link.name != wanted.name for link in links)
        )

    def sentence(self, symptom: Symptom) -> str:
        said = next((text for key, text in symptom.evidence.items() if key != "state"), "it is gone")
        return f"The node is out of the mesh or about to be: {said}."

    def by_person(self, diagnosis: Diagnosis) -> bool:
        """Was it switched off? Restored once, then left alone (agent/mapek/personal.py)."""
        return diagnosis.evidence.get("state") == OFF

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """The set-up at once, and again a little later; a radio's interface is made first."""
        subject = diagnosis.subject
        later = {"attempt": "2", "not_before": f"{diagnosis.at + SECOND_TRY_S:.3f}"}
        if not subject.startswith(MESH):
            args = {"hardif": subject.split("/")[1]}
            return (Remedy("make-radio", subject, args, deadline=DEADLINE_S),)
        args = {"mesh": view.mesh_name}
        return (
            Remedy("set-up-mesh", subject, args, deadline=DEADLINE_S),
            Remedy("set-up-mesh", subject, args | later, deadline=DEADLINE_S),
        )

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        if view.snapshot.links is None:
            return State.PRESENT
        if diagnosis.subject.startswith(MESH):
            return State.PRESENT if _wrong(view)[0] else State.GONE
        name = diagnosis.subject.split("/")[1]
        if name in lv.attached(view) and lv.usable(view, name):
            return State.GONE
        wanted = next((one for one in view.snapshot.wanted or () if one.name == name), None)
        there = lv.link_of(view, name) is not None
        unplugged = wanted is not None and not wanted.there and wanted.left_phy is None and not there
        return State.GONE if unplugged else State.PRESENT


def _wrong(view: View) -> tuple[str, str]:
    """("gone" | "off" | "anew", the same in words); ("", "") where the mesh interface is right.

    Made anew by somebody in the last half minute, it is wrong until all that was in it is again.
    """
    mesh, links = view.snapshot.mesh, view.snapshot.links
    if links is None or not view.hardifs_wanted:
        return "", ""
    before = _before(view)
    link = lv.link_of(view, view.mesh_name)
    if link is None:
        there_once = bool(view.set_up) or before is not None
        return ("gone", f"{view.mesh_name} is gone") if there_once else ("", "")
    if mesh is None and before is None:
        return "", ""  # the first one, not read yet
    if mesh is None or mesh.index != link.index:
        return "anew", f"{view.mesh_name} was removed and made anew, not read yet"
    if before is not None:
        missing = _not_back(view, before, mesh)
        if missing:
            return "anew", f"{view.mesh_name} was removed and made anew, {missing}"
    if not link.admin_up and view.set_up:
        return OFF, f"{view.mesh_name} is switched off"
    return "", ""


def _before(view: View) -> Mesh | None:
    """The mesh interface there was before the one there is now, None where there was none of late."""
    link = lv.link_of(view, view.mesh_name)
    now = link.index if link is not None else 0
    oldest = next((old.mesh for old in view.history if old.mesh is not None), None)
    if oldest is None or oldest.index == now:
        return None  # an index never returns, so it was this one all the time
    others = (old.mesh for old in reversed(view.history) if old.mesh is not None and old.mesh.index != now)
    return next(others, None)


def _not_back(view: View, before: Mesh, now: Mesh) -> str:
    """What of the former mesh is not there again, "" where all is."""
    active = {row.name for row in now.hardifs if row.active}
    lost = [
        row.name
        for row in before.hardifs
        if row.name in view.hardifs_wanted and row.name not in active and lv.usable(view, row.name)
    ]
    if lost:
        return f"{', '.join(lost)} not yet in it"
    return "no neighbour heard yet" if before.neighbours and not now.neighbours else ""


def _onset(view: View) -> float:
    """When it was last seen whole."""
    link = lv.link_of(view, view.mesh_name)

    def whole(snapshot: Snapshot) -> bool:
        old = _find(snapshot, view.mesh_name)
        return (
            old is not None
            and old.admin_up
            and (link is None or not link.admin_up or old.index != link.index)
        )

    return next((old.at for old in reversed(view.history) if whole(old)), view.now)


def _last_seen(view: View, name: str) -> float:
    return next((old.at for old in reversed(view.history) if _find(old, name)), view.now)


def _find(snapshot: Snapshot, name: str) -> Link | None:
    return next((link for link in snapshot.links or () if link.name == name), None)


FAULT: Fault = MeshIfMissing()
