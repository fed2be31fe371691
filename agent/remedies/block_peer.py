# SPDX-License-Identifier: Apache-2.0
"""block-peer: end the 802.11s peering with one neighbour, and with that one alone.

batman-adv can give up an interface, not one neighbour of it. mac80211 drops every data frame of a station it
does not peer with, so batman-adv hears no more of this neighbour at either end, and ways leave it within five
OGM intervals as from a dead link. The radio goes on serving the others.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults import radiofaults
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord


class BlockPeer:
    """Args: `hardif`, `neighbour`. Undone by opening the peering again."""

    id: ClassVar[str] = "block-peer"
    title: ClassVar[str] = "end the radio's peering with this neighbour"
    time_limit: ClassVar[float] = 3.0  # one kernel request, which may wait for others to let go of RTNL

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Only an established peering, and only where another neighbour leads to the node."""
        hardif, mac = remedy.args["hardif"], remedy.args["neighbour"]
        if hardif not in view.hardifs_wanted:
            return f"{hardif} is not in the configuration: a person added it to the mesh, it is left alone"
        radio, station = lv.station(view, hardif, mac)
        if not radio:
            return f"{hardif} is no 802.11s radio"
        if station is None or station.plink != "estab":
            return f"{hardif} does not peer with {mac} now"
        if not radiofaults.other_path(view, hardif, mac):
            return f"no other neighbour is known to lead to {mac}: it would be missed, not replaced"
        return ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        args = {"hardif": remedy.args["hardif"], "neighbour": remedy.args["neighbour"]}
        return UndoRecord(self.id, args)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.wifi.block(remedy.args["hardif"], remedy.args["neighbour"])

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Open it, if it is still blocked."""
        effector.wifi.open(record.args["hardif"], record.args["neighbour"])


ACTION: Action = BlockPeer()
