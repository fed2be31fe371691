# SPDX-License-Identifier: Apache-2.0
"""What wifi-deaf and mesh-lost-ap-ok share: whom a radio lost, who proves it, the ladder and its times.

Steps minutes apart, as AREDN's (faults.md): the cheap one at once, the next ones later, later still after
each relapse. Where the dead link was taken out of the mesh meanwhile, it stays out between the steps: a deaf
radio in the mesh draws traffic it never hears.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.events import Diagnosis, Remedy, Snapshot
from agent.faults import liveness as lv
from agent.faults.base import State, View
from agent.readings import Link, Radio

MESHING: Final = ("mesh", "ibss")
HEARD_S: Final = 1.0  # ten beacons of 102 ms: heard within it is heard now
LOST_AFTER_S: Final = 5.0  # longer than a scan of all channels of two bands, during which nobody is heard
TRAFFIC_S: Final = 1.5  # three hellos and more of ours: time in which we must have sent
SETTLED_S: Final = 0.5  # frames under way when the last station was heard
# step > seconds after the onset; each may first be verified, and a person may see it
STEPS: Final = {"scan-radio": 0.0, "rejoin-mesh": 60.0, "restart-radio": 180.0}
VERIFY_S: Final = 20.0  # peerings and ELP are back within 3 s of the cure; a busy node takes longer
DEADLINE_S: Final = (
    25.0  # more than VERIFY_S: what holds the interface out of the mesh outlives a failed step
)
# Doublings of the times above: 3 minutes become at most 24. Relapses of its dead links count too, and a deaf
# radio must not wait for hours because a neighbour was switched on and off.
MAX_DOUBLINGS: Final = 3


def radio_of(view: View, name: str) -> Radio | None:
    """The mesh's radio of that name, None where it is none now or was not read."""
    radios = view.snapshot.radios or ()
    return next((radio for radio in radios if radio.name == name and radio.kind in MESHING), None)


def joined_radios(view: View) -> tuple[Radio, ...]:
    """Configured radios that are up and in their mesh: the kernel tells a channel of those only."""
    radios = (radio_of(view, name) for name in view.hardifs_wanted if lv.usable(view, name))
    return tuple(radio for radio in radios if radio is not None and radio.freq_mhz is not None)


def access_points(view: View, radio: Radio) -> tuple[Radio, ...]:
    """Access points on the same radio."""
    if radio.phy is None:
        return ()
    return tuple(r for r in view.snapshot.radios or () if r.phy == radio.phy and r.kind == "ap")


def alive_elsewhere(view: View, radio: Radio) -> str:
    """A neighbour of this radio that lives by another sign than this radio's, in words; "" where none does.

    By its hello or its originator messages on another interface.
    """
    name, wait = radio.name, view.thresholds.originator_silence_s
    prefix = f"{name}/"
    originators = {who for key, who in view.last_neighbours.items() if key.startswith(prefix)}
    for peer in view.snapshot.peers:
        if peer.originator in originators and peer.hardif != name and lv.fresh(view, peer):
            return f"{peer.node} is heard on {peer.hardif}"
    mesh = view.snapshot.mesh
    if mesh is None or view.now - mesh.originators_at > wait:
        return ""
    for row in mesh.originators:
        if row.mac in originators and row.hardif != name and row.last_seen_age < wait:
            return f"{row.mac} is heard by {row.hardif}"
    return ""


def witness(view: View, radio: Radio) -> str:
    """Why it is rather this radio than its neighbours, in words; "" where nothing says so."""
    if radio.peers >= 2:
        return f"all {radio.peers} neighbours fell silent at once"
    return alive_elsewhere(view, radio)


def sent_in_vain(view: View, radio: Radio, silent: float) -> str:
    """What went out on the interface since it fell silent while nothing came in, in words; else "".

    The newest counters old enough: an older snapshot may hold counters read long before it.
    """
    first, last = view.now - silent + SETTLED_S, view.now - TRAFFIC_S
    then = next((old for old in reversed(view.history) if first <= old.at <= last and old.links), None)
    before, now = _link(then, radio.name), lv.link_of(view, radio.name)
    if before is None or now is None or now.rx_packets != before.rx_packets:
        return ""
    sent = now.tx_packets - before.tx_packets
    return f"{sent} packets sent, none received" if sent > 0 else ""


def _link(snapshot: Snapshot | None, name: str) -> Link | None:
    links = snapshot.links if snapshot is not None else None
    return next((link for link in links or () if link.name == name), None)


def ladder(diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
    """Scan, leave and join, off and on: each once, minutes apart."""
    subject, since = diagnosis.subject, _since(diagnosis)
    name = subject.split("/")[1]
    dues = {action: _due(since, after, subject, view) for action, after in STEPS.items()}
    return tuple(
        Remedy(action, subject, {"radio": name, "not_before": f"{due:.3f}"}, deadline=DEADLINE_S)
        for action, due in dues.items()
    )


def state(diagnosis: Diagnosis, view: View, age: float | None) -> State:
    """`age`: seconds since the sign that was missed, None where it is not known.

    Contained only where the interface was taken out of the mesh and another way is in use; but not while a
    step is due or being verified.
    """
    name = diagnosis.subject.split("/")[1]
    if view.snapshot.links is not None and not lv.usable(view, name):
        return State.GONE  # unplugged, or switched off by a person
    if age is not None and age <= HEARD_S:
        return State.GONE
    if name in view.detached and lv.best_elsewhere(view, name):
        since = _since(diagnosis)
        times = (_due(since, after, diagnosis.subject, view) for after in STEPS.values())
        if not any(due <= view.now < due + LOST_AFTER_S + VERIFY_S for due in times):
            return State.CONTAINED
    return State.PRESENT


def _since(diagnosis: Diagnosis) -> float:
    """The onset; where a person was asked and it goes on, the moment it was found again."""
    return max(diagnosis.onset, diagnosis.at - LOST_AFTER_S)


def _due(since: float, after: float, subject: str, view: View) -> float:
    return since + after * 2.0 ** min(view.relapses.get(subject, 0), MAX_DOUBLINGS)
