# SPDX-License-Identifier: Apache-2.0
"""attach-hardif: put a configured interface back into the mesh, up, with its ELP interval and throughput."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, NothingToUndo, too_early


class AttachHardif(NothingToUndo):
    """Args: `mesh`, `hardif`, and for a later try `not_before` (monotonic seconds).

    Restores the configured state, so there is nothing to undo.
    """

    id: ClassVar[str] = "attach-hardif"
    title: ClassVar[str] = "put the interface back into the mesh"
    time_limit: ClassVar[float] = 5.0  # three kernel requests, which may wait for others to let go of RTNL

    def refusal(self, remedy: Remedy, view: View) -> str:
        hardif = remedy.args["hardif"]
        if why := too_early(remedy, view):
            return why
        if hardif in view.detached:
            return f"{hardif} is held out of the mesh by another remedy"
        if lv.link_of(view, hardif) is None:
            return f"{hardif} does not exist"
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        """Attach; also where it is attached already, because its settings may be missing."""
        hardif, mesh = remedy.args["hardif"], remedy.args["mesh"]
        master = effector.hardif_master(hardif)
        if master is None:
            raise ActionError(
                f"attaching {hardif} to {mesh}: there is no such interface; look with `ip link`"
            )
        if master not in (mesh, ""):
            raise ActionError(
                f"attaching {hardif} to {mesh}: its master is {master}; take it out there first"
            )
        effector.attach_hardif(mesh, hardif)


ACTION: Action = AttachHardif()
