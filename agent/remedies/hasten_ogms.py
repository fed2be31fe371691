# SPDX-License-Identifier: Apache-2.0
"""hasten-ogms: originator messages every 100 ms for a few seconds.

batman-adv changes to an equal or worse way only when its sequence number is five ahead (faults.md): five fast
messages after the cut instead of five slow ones. The keeper (agent/mesh) returns to the interval at rest
after HASTE_S by itself; the undo record does it where the agent is gone.
"""

from __future__ import annotations

from typing import ClassVar, Final

from agent.events import Remedy, Scope
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord

HASTE_OGM_MS: Final = 100  # half a second for five; batman-adv aggregates over 100 ms anyway


class HastenOgms:
    """Args: `mesh`. Bounded in time and number by the keeper."""

    id: ClassVar[str] = "hasten-ogms"
    title: ClassVar[str] = "let the mesh look for another way faster"
    reach: ClassVar[Scope] = Scope.MESH
    time_limit: ClassVar[float] = 2.0  # one request
    temporary: ClassVar[bool] = True  # serves only until another way is found (read by the planner)

    def refusal(self, remedy: Remedy, view: View) -> str:
        mesh = view.snapshot.mesh
        if mesh is None or mesh.name != remedy.args["mesh"]:
            return f"{remedy.args['mesh']} could not be read"
        return "" if mesh.neighbours else "there is no neighbour to tell"

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """The interval at rest, not one that is hastened already."""
        mesh = remedy.args["mesh"]
        return UndoRecord(self.id, {"mesh": mesh, "milliseconds": str(effector.ogm_interval(mesh))})

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.set_ogm_interval(remedy.args["mesh"], HASTE_OGM_MS)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        effector.set_ogm_interval(record.args["mesh"], int(record.args["milliseconds"]))


ACTION: Action = HastenOgms()
