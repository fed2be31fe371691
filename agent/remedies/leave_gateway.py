# SPDX-License-Identifier: Apache-2.0
"""leave-gateway: stop being a gateway's client for a while.

batman-adv can neither name a client's gateway nor refuse one: it takes the best announced bandwidth within
the way's own, and keeps a dead gateway's metric for up to 200 s. Without a gateway DHCP requests go to all,
and those that live answer. Undone (client again, which chooses anew) as soon as it would choose a living one.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.faults.gatewayview import living
from agent.remedies.base import Action, Effector, UndoRecord
from agent.remedies.gatewaymode import CLIENT, OFF, found_as, switch


class LeaveGateway:
    """Args: `mesh`, `gateway` (the one that is left). What a person chose meanwhile is left alone."""

    id: ClassVar[str] = "leave-gateway"
    title: ClassVar[str] = "let go of the silent gateway"
    time_limit: ClassVar[float] = 2.0  # one request

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Only where it is selected, and another one lives: nothing would be gained else."""
        mesh, gateway = view.snapshot.mesh, remedy.args["gateway"]
        if mesh is None or mesh.name != remedy.args["mesh"]:
            return f"{remedy.args['mesh']} could not be read"
        if mesh.gw_mode != CLIENT:
            return "this node is no gateway's client"
        if not any(row.best and row.mac == gateway for row in mesh.gateways):
            return f"{gateway} is not its gateway any more"
        return "" if living(mesh) else "no other gateway is heard of"

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Nothing where it was no client."""
        mesh = remedy.args["mesh"]
        return UndoRecord(self.id, {"mesh": mesh}) if found_as(effector, mesh, CLIENT) else None

    def act(self, remedy: Remedy, effector: Effector) -> None:
        switch(effector, remedy.args["mesh"], CLIENT, OFF)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        switch(effector, record.args["mesh"], OFF, CLIENT)


ACTION: Action = LeaveGateway()
