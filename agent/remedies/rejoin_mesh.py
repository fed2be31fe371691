# SPDX-License-Identifier: Apache-2.0
"""rejoin-mesh: a radio leaves its 802.11s mesh (or IBSS) and joins it again; every peering is made anew."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies import radiocure
from agent.remedies.base import Action, Effector, UndoRecord


class RejoinMesh:
    """Args: `radio`, `since`, `after`. Its record is for who is killed between leaving and joining."""

    id: ClassVar[str] = "rejoin-mesh"
    title: ClassVar[str] = "let the radio leave its mesh and join it again"
    time_limit: ClassVar[float] = 5.0  # two kernel requests, which may wait for others to let go of RTNL
    temporary: ClassVar[bool] = True  # once it is joined there is nothing left to put back

    def refusal(self, remedy: Remedy, view: View) -> str:
        return radiocure.refusal(remedy, view)

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        return radiocure.record(remedy, effector)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        name = remedy.args["radio"]
        effector.wifi.rejoin(name, effector.wifi.home(name))

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        radiocure.put_back(record, effector)


ACTION: Action = RejoinMesh()
