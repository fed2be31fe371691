# SPDX-License-Identifier: Apache-2.0
"""withdraw-gateway: stop announcing this node as a way to the Internet; the mesh picks another gateway."""

from __future__ import annotations

from typing import ClassVar, Final

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord

SERVER: Final = "server"
OFF: Final = "off"


class WithdrawGateway:
    """Args: `mesh`. Undone by announcing it with the bandwidths it had.

    What a person chose meanwhile (another mode than off) is left alone.
    """

    id: ClassVar[str] = "withdraw-gateway"
    title: ClassVar[str] = "stop offering this node as a gateway"
    time_limit: ClassVar[float] = 2.0  # one request

    def refusal(self, remedy: Remedy, view: View) -> str:
        mesh = view.snapshot.mesh
        if mesh is None or mesh.name != remedy.args["mesh"]:
            return f"{remedy.args['mesh']} could not be read"
        return "" if mesh.gw_mode == SERVER else "it is not offered as a gateway"

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Nothing where it was not announced."""
        found = effector.gateways.state(remedy.args["mesh"])
        if found is None or found.mode != SERVER:
            return None
        args = {"mesh": remedy.args["mesh"], "down": str(found.down_kbit), "up": str(found.up_kbit)}
        return UndoRecord(self.id, args)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        mesh = remedy.args["mesh"]
        found = effector.gateways.state(mesh)
        if found is not None and found.mode == SERVER:
            effector.gateways.set_mode(mesh, OFF)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        mesh = record.args["mesh"]
        found = effector.gateways.state(mesh)
        if found is not None and found.mode == OFF:
            down, up = int(record.args["down"]), int(record.args["up"])
            effector.gateways.set_mode(mesh, SERVER, down_kbit=down, up_kbit=up)


ACTION: Action = WithdrawGateway()
