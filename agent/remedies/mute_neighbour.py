# SPDX-License-Identifier: Apache-2.0
"""mute-neighbour: batman-adv hears one neighbour of an interface no more, and that one alone.

batman-adv can give up an interface, not one neighbour of it: on a radio or a switch that would cost the
others too. Its frames from this neighbour are dropped where they come in, so that ways leave it within five
OGM intervals, as from a dead link. Everything else still arrives: we go on asking it, and know when it is
well.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord


class MuteNeighbour:
    """Args: `hardif`, `neighbour`. Undone by taking the filter away."""

    id: ClassVar[str] = "mute-neighbour"
    title: ClassVar[str] = "leave this one neighbour of the interface out of the mesh"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 5.0  # two kernel requests, the first of which may load modules

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Only on our own interfaces, and only where another neighbour leads to the node."""
        hardif, mac = remedy.args["hardif"], remedy.args["neighbour"]
        if hardif not in view.hardifs_wanted:
            return f"{hardif} is not in the configuration: a person added it to the mesh, it is left alone"
        if hardif not in lv.attached(view):
            return f"{hardif} is not in the mesh"
        if f"{hardif}/{mac}" in view.muted:
            return f"{mac} is left out already"
        if not lv.other_path(view, hardif, mac):
            return f"no other neighbour is known to lead to {mac}: it would be missed, not replaced"
        return ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        args = {"hardif": remedy.args["hardif"], "neighbour": remedy.args["neighbour"]}
        return UndoRecord(self.id, args)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.wifi.mute(remedy.args["hardif"], remedy.args["neighbour"])

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        effector.wifi.unmute(record.args["hardif"], record.args["neighbour"])


ACTION: Action = MuteNeighbour()
