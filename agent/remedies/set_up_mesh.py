# SPDX-License-Identifier: Apache-2.0
"""set-up-mesh: have the keeper (agent/mesh) make the mesh as configured now, not at its next look."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo, too_early


class SetUpMesh(NothingToUndo):
    """Args: `mesh`, and for a later try `not_before` (monotonic seconds). Restores the configured state, so
    there is nothing to undo.
    """

    id: ClassVar[str] = "set-up-mesh"
    title: ClassVar[str] = "set the mesh up again"
    time_limit: ClassVar[float] = 1.0  # the keeper's own task does the work

    def refusal(self, remedy: Remedy, view: View) -> str:
        return too_early(remedy, view)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.routing.set_up_mesh()


ACTION: Action = SetUpMesh()
