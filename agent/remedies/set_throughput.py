# SPDX-License-Identifier: Apache-2.0
"""set-throughput: tell batman-adv what a wire really carries."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, NothingToUndo


class SetThroughput(NothingToUndo):
    """Args: `mesh`, `hardif`, `kbit` (0: batman-adv asks the device). It is what the configuration wants, so
    there is nothing to undo.
    """

    id: ClassVar[str] = "set-throughput"
    title: ClassVar[str] = "tell the mesh the wire's right speed"
    time_limit: ClassVar[float] = 3.0  # two requests to batman-adv

    def refusal(self, remedy: Remedy, view: View) -> str:
        hardif = remedy.args["hardif"]
        return "" if hardif in lv.attached(view) else f"{hardif} is not in the mesh"

    def act(self, remedy: Remedy, effector: Effector) -> None:
        mesh, hardif, kbit = remedy.args["mesh"], remedy.args["hardif"], int(remedy.args["kbit"])
        found = effector.routing.throughput_override(mesh, hardif)
        if found is None:
            raise ActionError(f"setting the throughput of {hardif}: it is not in {mesh}")
        if found != kbit:
            effector.routing.set_throughput_override(mesh, hardif, kbit)


ACTION: Action = SetThroughput()
