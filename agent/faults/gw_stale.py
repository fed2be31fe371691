# SPDX-License-Identifier: Apache-2.0
"""gw-stale: the gateway this node is a client of is dead, and batman-adv keeps it (gluon#116)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults import gatewayview as gw
from agent.faults.base import Fault, State, View

SUSPECT_AFTER_S: Final = 3.0  # three of batman-adv's default OGM intervals
SUSPECT_UNTIL_S: Final = 30.0  # later it is decided, or we look at it as seldom as at everything
DEADLINE_S: Final = 6.0  # the mode is read once a second, gateways every five


class GatewayStale:
    """The selected gateway's originator is unheard on every way, while batman-adv keeps its metric (200 s).

    Left only where another gateway lives. Leases the clients of this node hold are theirs: they renew them.
    """

    id: ClassVar[str] = "gw-stale"
    title: ClassVar[str] = "Gateway dead"
    by_hand: ClassVar[str] = (
        "Look at the gateway's power and links; devices that had their address from it may need to reconnect."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        mesh = view.snapshot.mesh
        chosen = gw.selected(mesh)
        quiet = gw.silence(mesh, chosen.mac) if mesh is not None and chosen is not None else None
        if chosen is None or quiet is None or not SUSPECT_AFTER_S <= quiet < SUSPECT_UNTIL_S:
            return ()
        return (Suspicion(self.id, Subject.gateway(chosen.mac), f"unheard for {quiet:.1f} s"),)

    def symptoms(self, view: View) -> Sequence[Symptom]:
        mesh = view.snapshot.mesh
        chosen = gw.selected(mesh)
        if chosen is None or mesh is None or not gw.is_silent(mesh, chosen.mac):
            return ()
        quiet = gw.silence(mesh, chosen.mac) or 0.0
        others = len([row for row in gw.living(mesh) if row.mac != chosen.mac])
        evidence = {
            "gateway": f"{chosen.mac}, announced with {chosen.down_kbit / 1000:g} Mbit/s",
            "silence": f"no originator message on any way for {quiet:.0f} s",
            "others": f"{others} other gateway{'' if others == 1 else 's'} heard",
        }
        return (Symptom(self.id, Subject.gateway(chosen.mac), mesh.originators_at - quiet, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        seen = symptom.evidence
        return (
            f"This node still sends to a gateway that is dead: {seen['gateway']}; {seen['silence']}, "
            f"{seen['others']}."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Let go of it until the kernel would choose a living one."""
        args = {"mesh": view.mesh_name, "gateway": diagnosis.subject.split("/", 1)[1]}
        return (Remedy("leave-gateway", diagnosis.subject, args, deadline=DEADLINE_S),)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Gone once it lives, is forgotten, or another is or would be chosen; contained while we are off."""
        mesh, mac = view.snapshot.mesh, diagnosis.subject.split("/", 1)[1]
        if mesh is None:
            return State.PRESENT
        chosen = gw.selected(mesh)
        if chosen is not None:
            return State.PRESENT if chosen.mac == mac and gw.is_silent(mesh, mac) else State.GONE
        if mesh.gw_mode != "off":
            return State.GONE  # a client of none, or a server by a person's hand
        listed = any(row.mac == mac for row in mesh.gateways)
        if not listed or not gw.is_silent(mesh, mac) or gw.would_choose_living(mesh):
            return State.GONE
        return State.CONTAINED


FAULT: Fault = GatewayStale()
