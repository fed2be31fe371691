# SPDX-License-Identifier: Apache-2.0
"""restart-radio: a radio off for ten seconds and on again, with everything on it (Gluon #750).

An access point on the same radio goes too, and its clients are cut off: the last thing to try.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.remedies.base import Action, Effector
from agent.remedies.radiocure import Cure


class RestartRadio(Cure):
    """Args: `radio`, `since`, `after`."""

    id: ClassVar[str] = "restart-radio"
    title: ClassVar[str] = "switch the radio off for ten seconds and on again"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 20.0  # ten seconds off, two to settle, and a driver that loads firmware

    def act(self, remedy: Remedy, effector: Effector) -> None:
        name = remedy.args["radio"]
        effector.wifi.restart(name, effector.wifi.home(name))


ACTION: Action = RestartRadio()
