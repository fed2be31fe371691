# SPDX-License-Identifier: Apache-2.0
"""rekey-link: change the key this node sends under on an interface now."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults import securityview as sec
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo, too_early


class RekeyLink(NothingToUndo):
    """Args: `hardif`, for a later try `not_before` (monotonic seconds).

    Neighbours that follow lose no packet; one that does not within a second and a half is cut, and begins
    anew.
    """

    id: ClassVar[str] = "rekey-link"
    title: ClassVar[str] = "change the key of the interface now"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 3.0  # the event loop does it at once

    def refusal(self, remedy: Remedy, view: View) -> str:
        if why := too_early(remedy, view):
            return why
        found = sec.interface(view, remedy.args["hardif"])
        if found is None or found.key_age is None:
            return f"{remedy.args['hardif']} has no key to change"
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.secured.rekey(remedy.args["hardif"])


ACTION: Action = RekeyLink()
