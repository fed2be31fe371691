# SPDX-License-Identifier: Apache-2.0
"""withdraw-gateway: stop announcing this node as a way to the Internet; the mesh picks another gateway."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord
from agent.remedies.gatewaymode import OFF, SERVER, found_as, switch


class WithdrawGateway:
    """Args: `mesh`. Undone by announcing it with the bandwidths it had.

    What a person chose meanwhile (another mode than off) is left alone.
    """

    id: ClassVar[str] = "withdraw-gateway"
    title: ClassVar[str] = "stop offering this node as a gateway"
    reach: ClassVar[Scope] = Scope.MESH
    time_limit: ClassVar[float] = 2.0  # one request

    def refusal(self, remedy: Remedy, view: View) -> str:
        mesh = view.snapshot.mesh
        if mesh is None or mesh.name != remedy.args["mesh"]:
            return f"{remedy.args['mesh']} could not be read"
        return "" if mesh.gw_mode == SERVER else "it is not offered as a gateway"

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Nothing where it was not announced."""
        mesh = remedy.args["mesh"]
        found = found_as(effector, mesh, SERVER)
        if found is None:
            return None
        args = {"mesh": mesh, "down": str(found.down_kbit), "up": str(found.up_kbit)}
        return UndoRecord(self.id, args)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        switch(effector, remedy.args["mesh"], SERVER, OFF)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        down, up = int(record.args["down"]), int(record.args["up"])
        switch(effector, record.args["mesh"], OFF, SERVER, down_kbit=down, up_kbit=up)


ACTION: Action = WithdrawGateway()
