# SPDX-License-Identifier: Apache-2.0
"""renew-link: give up all that is there of a secured neighbour, channel and keys, and begin anew with it."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults import securityview as sec
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo, too_early


class RenewLink(NothingToUndo):
    """Args: `hardif`, `neighbour` (its MAC), for a later try `not_before` (monotonic seconds).

    Nothing passes until the handshake is done, a tenth of a second on a quick board and three at most: so it
    is for links on which nothing passes anyway. There is nothing to put back.
    """

    id: ClassVar[str] = "renew-link"
    title: ClassVar[str] = "make the secure link with this neighbour anew"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 3.0  # the event loop does it at once

    def refusal(self, remedy: Remedy, view: View) -> str:
        if why := too_early(remedy, view):
            return why
        hardif, mac = remedy.args["hardif"], remedy.args["neighbour"]
        if not any((link.hardif, link.mac) == (hardif, mac) for link in sec.links(view)):
            return f"there is no secured link with {mac} on {hardif}"
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.secured.renew(remedy.args["hardif"], remedy.args["neighbour"])


ACTION: Action = RenewLink()
