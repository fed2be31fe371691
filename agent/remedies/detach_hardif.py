# SPDX-License-Identifier: Apache-2.0
"""detach-hardif: take an interface out of the mesh, so that no way leads over it; the lower device stays up.

Routes over it leave at once, and what is left follows the next OGMs, which are hastened: a few tenths of a
second (README has the distribution), against seconds of waiting.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, UndoRecord


class DetachHardif:
    """Args: `mesh`, `hardif`, `neighbour` (the MAC that is given up). Undone by attaching it again."""

    id: ClassVar[str] = "detach-hardif"
    title: ClassVar[str] = "take the interface out of the mesh"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 3.0  # one rtnetlink request, which may wait for others to let go of RTNL

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Never the primary or what a person added, never the last way, nor over a live neighbour's head."""
        hardif = remedy.args["hardif"]
        if hardif == view.primary:
            return f"{hardif} is the primary interface: without it the node changes its identity in the mesh"
        if hardif not in view.hardifs_wanted:
            return f"{hardif} is not in the configuration: a person added it to the mesh, it is left alone"
        if hardif in view.detached:
            return f"{hardif} is out of the mesh already"
        if hardif not in lv.attached(view):
            return f"{hardif} is not in the mesh"
        others = [mac for mac in lv.live_neighbours(view, hardif) if mac != remedy.args.get("neighbour")]
        if others:
            return f"{hardif} still serves {len(others)} other neighbour(s), {others[0]} first"
        neighbour = remedy.args.get("neighbour", "")
        if not lv.other_way(view, hardif, neighbour):
            return (
                f"no other interface is known to lead to {neighbour}: {hardif} would be missed, not replaced"
            )
        return ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Nothing where it was not in the mesh before."""
        args = {"mesh": remedy.args["mesh"], "hardif": remedy.args["hardif"]}
        attached = effector.hardif_master(args["hardif"]) == args["mesh"]
        return UndoRecord(self.id, args) if attached else None

    def act(self, remedy: Remedy, effector: Effector) -> None:
        hardif, mesh = remedy.args["hardif"], remedy.args["mesh"]
        master = effector.hardif_master(hardif)
        if master not in (mesh, "", None):
            raise ActionError(
                f"detaching {hardif}: its master is {master}, not {mesh}: somebody changed it; left alone"
            )
        if master == mesh:
            effector.detach_hardif(hardif)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Attach it, unless it is gone, attached already, or a person gave it another master."""
        hardif, mesh = record.args["hardif"], record.args["mesh"]
        if effector.hardif_master(hardif) == "":
            effector.attach_hardif(mesh, hardif)


ACTION: Action = DetachHardif()
