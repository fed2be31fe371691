# SPDX-License-Identifier: Apache-2.0
"""raise-mtu: let an interface take packets as large as the mesh wants."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, NothingToUndo


class RaiseMtu(NothingToUndo):
    """Args: `hardif`, `mtu` in bytes.

    Nothing to undo: it is the configured state, and an MTU too large for nobody harms nobody, while going
    back would lose packets again.
    """

    id: ClassVar[str] = "raise-mtu"
    title: ClassVar[str] = "let the interface take larger packets"
    time_limit: ClassVar[float] = 3.0  # one rtnetlink request; some drivers restart the card for it

    def refusal(self, remedy: Remedy, view: View) -> str:
        hardif = remedy.args["hardif"]
        return "" if lv.link_of(view, hardif) is not None else f"{hardif} does not exist"

    def act(self, remedy: Remedy, effector: Effector) -> None:
        """Never lowers it."""
        hardif, wanted = remedy.args["hardif"], int(remedy.args["mtu"])
        found = effector.routing.mtu(hardif)
        if found is None:
            raise ActionError(f"raising the MTU of {hardif}: there is no such interface; look with `ip link`")
        if found < wanted:
            effector.routing.set_mtu(hardif, wanted)


ACTION: Action = RaiseMtu()
