# SPDX-License-Identifier: Apache-2.0
"""mac-duplicate: two interfaces of the mesh have one address (freifunk-bielefeld#24: metrics jump).

Whoever hears both takes them for one link; of two nodes with one address each drops what the other sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults import liveness as lv
from agent.faults.base import Fault, State, View
from agent.mesh.wanted import hardif_mac
from agent.readings import Link, Twin

DEADLINE_S: Final = 5.0  # the kernel tells of the change at once
TWIN_S: Final = 10.0  # a twin whose last hello is older has gone or changed its address
NEIGHBOUR: Final = "neighbour/"  # subjects of what only a person can mend
LOCAL: Final = 0x02  # the bit of the first octet that says: given by somebody, not by the maker


class MacDuplicate:
    """Of two of ours the one that changed, else the later, gets an address of its own. Of a neighbour's, its
    name is said: which of the two is wrong only a person can tell, and changing both helps nobody.
    """

    id: ClassVar[str] = "mac-duplicate"
    title: ClassVar[str] = "Two interfaces with one address"
    by_hand: ClassVar[str] = (
        "Give one of the two another MAC (`ip link set NAME address 02:...`); images cloned with their "
        "configuration and cheap USB sticks have equal ones."
    )
    explains: ClassVar[frozenset[str]] = frozenset({"one-way"})
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """None: the kernel tells of a changed address at once."""
        return ()

    def symptoms(self, view: View) -> Sequence[Symptom]:
        return (*self._ours(view), *self._twins(view))

    def _ours(self, view: View) -> tuple[Symptom, ...]:
        found = []
        for link, other in _doubles(view):
            evidence = {
                "address": f"{link.name} and {other.name} both have {link.mac}",
                "before": f"{link.name} had {_before(view, link.name) or 'an unknown address'}",
            }
            found.append(Symptom(self.id, Subject.hardif(link.name), _onset(view, link), evidence))
        return tuple(found)

    def _twins(self, view: View) -> tuple[Symptom, ...]:
        return tuple(
            Symptom(
                self.id,
                f"{NEIGHBOUR}{twin.mac}",
                view.now,
                {
                    "address": f"{twin.node} says hello on {twin.hardif} with our own address {twin.mac}",
                    "whose": "it was given by a person or program, not by a maker"
                    if int(twin.mac[:2], 16) & LOCAL
                    else "it is a maker's",
                },
            )
            for twin in _foreign(view)
        )

    def sentence(self, symptom: Symptom) -> str:
        return f"Two interfaces of the mesh have the same address: {symptom.evidence['address']}."

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """The address it had, its maker's, or one of its own making; none for a neighbour's."""
        name, mesh = diagnosis.subject.split("/")[1], view.snapshot.mesh
        link = lv.link_of(view, name)
        if link is None or mesh is None:
            return ()
        taken = {other.mac for other in view.snapshot.links or ()}
        choices = (_before(view, name), link.permanent_mac, hardif_mac(mesh.mac, name))
        mac = next((mac for mac in choices if mac and mac not in taken), None)
        if mac is None:
            return ()
        args = {"hardif": name, "mac": mac}
        return (Remedy("set-mac", diagnosis.subject, args, deadline=DEADLINE_S),)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        name = diagnosis.subject.split("/")[1]
        if view.snapshot.links is None:
            return State.PRESENT
        if diagnosis.subject.startswith(NEIGHBOUR):
            there = any(twin.mac == name for twin in _foreign(view))
        else:
            there = any(link.name == name for link, _ in _doubles(view))
        return State.PRESENT if there else State.GONE


def _doubles(view: View) -> list[tuple[Link, Link]]:
    """(which should change, which has the address by right), of our interfaces in the mesh."""
    names = {*view.hardifs_wanted, view.primary}
    mesh = view.snapshot.mesh
    owners: dict[str, list[Link]] = {}
    for link in view.snapshot.links or ():
        if link.name in names and mesh is not None and link.master == mesh.index:
            owners.setdefault(link.mac, []).append(link)
    found = []
    for links in owners.values():
        first, *later = sorted(links, key=lambda link: _right(view, link))
        found += [(link, first) for link in later]
    return found


def _right(view: View, link: Link) -> tuple[bool, bool, int]:
    """Sorts by the better right: the primary is the node's name, an old address, then the elder interface."""
    return link.name != view.primary, _before(view, link.name) != link.mac, link.index


def _before(view: View, name: str) -> str:
    return next((one.was_mac for one in view.snapshot.wanted or () if one.name == name), "")


def _foreign(view: View) -> list[Twin]:
    """Nodes that use our address on a link, by their hellos; not our own ones come round in a loop."""
    mesh = view.snapshot.mesh
    if mesh is None:
        return []
    return [
        twin
        for twin in view.snapshot.twins
        if twin.age <= TWIN_S
        and twin.originator != mesh.mac
        and (link := lv.link_of(view, twin.hardif)) is not None
        and link.mac == twin.mac
    ]


def _onset(view: View, link: Link) -> float:
    """When it was last seen with another address."""

    def other(snapshot: Snapshot) -> bool:
        return any(one.name == link.name and one.mac != link.mac for one in snapshot.links or ())

    return next((snapshot.at for snapshot in reversed(view.history) if other(snapshot)), view.now)


FAULT: Fault = MacDuplicate()
