# SPDX-License-Identifier: Apache-2.0
"""metric-wrong: batman-adv reckons with a speed a wire does not have (freifunk-gluon/gluon#1728).

Somebody set another, or batman-adv takes its last resort, 1 Mbit/s, for a device that says its speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.mesh.wanted import AUTOMATIC
from agent.readings import Hardif, Wanted, as_kept

FALLBACK_KBIT: Final = 1000  # batman-adv's BATADV_THROUGHPUT_DEFAULT_VALUE, where a device tells nothing
SETTLED_S: Final = 15.0  # what is wanted must be so for longer than the keeper's own look takes (10 s)
TWICE_S: Final = 0.9  # between the two dumps that must show it: hardifs are read every second
HAND: Final = "hand"  # key of the evidence that somebody changed what batman-adv is told
DEADLINE_S: Final = 5.0  # the next dumps are a second away


class MetricWrong:
    """A wire's throughput as batman-adv is told differs from configuration, device or measurement.

    Not while another fault of that interface is treated: its remedy may have set it on purpose. Where what
    batman-adv is told was right and was changed since, in the mesh interface there is now, somebody set it.
    """

    id: ClassVar[str] = "metric-wrong"
    title: ClassVar[str] = "Wrong speed assumed for a wire"
    by_hand: ClassVar[str] = (
        "`batctl hardif NAME throughput_override` shows and sets it; what shall stay belongs into the "
        "configuration (mesh.interfaces, throughput)."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: it disturbs nothing in the second it takes to be sure."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        found = []
        for wanted in view.snapshot.wanted or ():
            right = _right(view.snapshot, wanted)
            if right is None or wanted.throughput_age < SETTLED_S or not _ours_alone(view, wanted.name):
                continue
            onset = _since(view, wanted)
            # a wish read before may be the one that has just changed: a measurement tells batman-adv at once
            if onset is not None and wanted.read_at > onset:
                found.append(self._symptom(view, wanted, right, onset))
        return tuple(found)

    def _symptom(self, view: View, wanted: Wanted, right: int, onset: float) -> Symptom:
        hardif = _hardif(view.snapshot, wanted.name)
        told = (hardif.throughput_override_kbit if hardif else None) or _heard(view.snapshot, wanted.name)
        source = (
            "a test over it"
            if wanted.measured_kbit is not None and wanted.measured_kbit == right
            else "the device says"
            if right == wanted.speed_kbit
            else "configuration"
        )
        evidence = {
            "assumed": f"batman-adv takes {_speed(told)} for {wanted.name}",
            "right": f"{_speed(right) if right else 'what the device says'} ({source})",
        }
        if _set_by_hand(view, wanted):
            evidence[HAND] = "it was told the right one before, and somebody changed that"
        return Symptom(self.id, Subject.hardif(wanted.name), onset, evidence)

    def sentence(self, symptom: Symptom) -> str:
        return (
            f"The mesh reckons with a wrong speed: {symptom.evidence['assumed']}, "
            f"right is {symptom.evidence['right']}."
        )

    def by_person(self, diagnosis: Diagnosis) -> bool:
        """Did somebody set another one? Restored once, then left alone (agent/mapek/personal.py)."""
        return HAND in diagnosis.evidence

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        name = diagnosis.subject.split("/")[1]
        wanted = next((one for one in view.snapshot.wanted or () if one.name == name), None)
        right = _right(view.snapshot, wanted) if wanted else None
        if right is None:
            return ()
        args = {"mesh": view.mesh_name, "hardif": name, "kbit": str(right)}
        return (Remedy("set-throughput", diagnosis.subject, args, deadline=DEADLINE_S),)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        name = diagnosis.subject.split("/")[1]
        wanted = next((one for one in view.snapshot.wanted or () if one.name == name), None)
        if view.snapshot.mesh is None or wanted is None:
            return State.PRESENT
        return State.GONE if _right(view.snapshot, wanted) is None else State.PRESENT


def _hardif(snapshot: Snapshot, name: str) -> Hardif | None:
    rows = snapshot.mesh.hardifs if snapshot.mesh else ()
    return next((row for row in rows if row.name == name and row.active), None)


def _heard(snapshot: Snapshot, name: str) -> int | None:
    """The greatest metric of the neighbours on this wire, kbit/s."""
    rows = snapshot.mesh.neighbours if snapshot.mesh else ()
    told = [row.throughput_kbit for row in rows if row.hardif == name and row.throughput_kbit is not None]
    return max(told, default=None)


def _right(snapshot: Snapshot, wanted: Wanted) -> int | None:
    """What batman-adv should be told instead, None where it is right, not known, or no wire."""
    told = _told(snapshot, wanted.name)
    if wanted.kind != "wire" or wanted.throughput_kbit is None or told is None:
        return None
    if wanted.throughput_kbit != AUTOMATIC:
        return None if told == as_kept(wanted.throughput_kbit) else wanted.throughput_kbit
    if told != AUTOMATIC:
        return None if told == wanted.speed_kbit else AUTOMATIC
    heard = _heard(snapshot, wanted.name)
    lost = heard is not None and heard <= FALLBACK_KBIT < (wanted.speed_kbit or 0)
    return wanted.speed_kbit if lost else None


def _ours_alone(view: View, name: str) -> bool:
    """Is nothing else treated on this interface, and was it not given back a moment ago?"""
    others = any(
        fault != MetricWrong.id and Subject.overlap(subject, Subject.hardif(name))
        for subject, fault in view.episodes.items()
    )
    return not others and name not in view.given_back and name not in view.detached


def _since(view: View, wanted: Wanted) -> float | None:
    """Since when two dumps in a row show it, None while only one does."""
    now = view.snapshot.mesh
    if now is None:
        return None
    since: float | None = None
    for old in reversed(view.history):
        if old.mesh is None or old.mesh.index != now.index or _right(old, wanted) is None:
            break
        if now.hardifs_at - old.mesh.hardifs_at >= TWICE_S:
            since = old.mesh.hardifs_at
    return since


def _set_by_hand(view: View, wanted: Wanted) -> bool:
    """Was what batman-adv is told the right one in the last dump that was right, and is another one now?

    Not where the interface left the mesh in between, which forgets what was told.
    """
    now, told = view.snapshot.mesh, _told(view.snapshot, wanted.name)
    for old in reversed(view.history):
        before = _told(old, wanted.name)
        if now is None or old.mesh is None or old.mesh.index != now.index or before is None:
            return False
        if _right(old, wanted) is None:
            return before != told
    return False


def _told(snapshot: Snapshot, name: str) -> int | None:
    hardif = _hardif(snapshot, name)
    return hardif.throughput_override_kbit if hardif else None


def _speed(kbit: int | None) -> str:
    """In the unit people use."""
    if kbit is None:
        return "an unknown speed"
    return f"{kbit / 1000:g} Mbit/s" if kbit < 1_000_000 else f"{kbit / 1_000_000:g} Gbit/s"


FAULT: Fault = MetricWrong()
