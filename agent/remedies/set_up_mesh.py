# SPDX-License-Identifier: Apache-2.0
"""set-up-mesh: have the keeper (agent/mesh) make the mesh as configured now, not at its next look."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord


class SetUpMesh:
    """Args: `mesh`, and for a later try `not_before` (monotonic seconds). Restores the configured state, so
    there is nothing to undo.
    """

    id: ClassVar[str] = "set-up-mesh"
    title: ClassVar[str] = "set the mesh up again"
    time_limit: ClassVar[float] = 1.0  # the keeper's own task does the work

    def refusal(self, remedy: Remedy, view: View) -> str:
        not_before = float(remedy.args.get("not_before", "0"))
        return f"the next try is due in {not_before - view.now:.0f} s" if view.now < not_before else ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        return None

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.routing.set_up_mesh()

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Nothing: the act restores what is configured."""


ACTION: Action = SetUpMesh()
