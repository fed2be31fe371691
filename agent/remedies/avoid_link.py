# SPDX-License-Identifier: Apache-2.0
"""avoid-link: tell batman-adv that a link carries next to nothing: ways lead elsewhere, it stays usable.

What leaves this node by the link moves; what the neighbour sends moves when it does the same at its end.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.readings import as_kept
from agent.remedies.base import Action, Effector, UndoRecord


class AvoidLink:
    """Args: `mesh`, `hardif`, `neighbour`, `from` and `to` (kbit/s). Undone by the former override.

    The keeper leaves the interface's throughput alone while the record is open (agent/mapek/journal.py).
    """

    id: ClassVar[str] = "avoid-link"
    title: ClassVar[str] = "lead the ways around the link"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 3.0  # two requests

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Never the primary or what a person added, never the last way, nor over another neighbour's head."""
        hardif, neighbour = remedy.args["hardif"], remedy.args["neighbour"]
        if hardif == view.primary:
            return f"{hardif} is the primary interface"
        if hardif not in view.hardifs_wanted:
            return f"{hardif} is not in the configuration: a person added it to the mesh, it is left alone"
        if hardif not in lv.attached(view):
            return f"{hardif} is not in the mesh"
        if hardif in view.avoided:
            return f"{hardif} counts for next to nothing already"
        others = [mac for mac in lv.live_neighbours(view, hardif) if mac != neighbour]
        if others:
            return f"{hardif} serves {len(others)} other neighbour(s), {others[0]} first"
        if not lv.other_way(view, hardif, neighbour):
            return f"no other interface is known to lead to {neighbour}"
        return ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Nothing where it is not in the mesh."""
        mesh, hardif, to = remedy.args["mesh"], remedy.args["hardif"], remedy.args["to"]
        before = effector.routing.throughput_override(mesh, hardif)
        if before is None:
            return None
        return UndoRecord(self.id, {"mesh": mesh, "hardif": hardif, "kbit": str(before), "set": to})

    def act(self, remedy: Remedy, effector: Effector) -> None:
        mesh, hardif = remedy.args["mesh"], remedy.args["hardif"]
        effector.routing.set_throughput_override(mesh, hardif, int(remedy.args["to"]))

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """As before, unless the interface left the mesh (which forgets it) or a person set it otherwise."""
        mesh, hardif, ours = record.args["mesh"], record.args["hardif"], as_kept(int(record.args["set"]))
        if effector.routing.throughput_override(mesh, hardif) == ours:
            effector.routing.set_throughput_override(mesh, hardif, int(record.args["kbit"]))


ACTION: Action = AvoidLink()
