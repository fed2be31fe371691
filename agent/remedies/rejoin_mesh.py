# SPDX-License-Identifier: Apache-2.0
"""rejoin-mesh: a radio leaves its 802.11s mesh (or IBSS) and joins it again; every peering is made anew."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.remedies.base import Action, Effector
from agent.remedies.radiocure import Cure


class RejoinMesh(Cure):
    """Args: `radio`, `since`, `after`."""

    id: ClassVar[str] = "rejoin-mesh"
    title: ClassVar[str] = "let the radio leave its mesh and join it again"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 5.0  # two kernel requests, which may wait for others to let go of RTNL

    def act(self, remedy: Remedy, effector: Effector) -> None:
        name = remedy.args["radio"]
        effector.wifi.rejoin(name, effector.wifi.home(name))


ACTION: Action = RejoinMesh()
