# SPDX-License-Identifier: Apache-2.0
"""restart-service: stop what is left of a service and start it as configured."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo, too_early


class RestartService(NothingToUndo):
    """Args: `service`, and for a later try `not_before` (monotonic seconds). A restart cannot be undone."""

    id: ClassVar[str] = "restart-service"
    title: ClassVar[str] = "restart the service"
    time_limit: ClassVar[float] = 12.0  # TERM, a few seconds of grace, KILL, start

    def refusal(self, remedy: Remedy, view: View) -> str:
        name = remedy.args["service"]
        if name not in view.services_wanted:
            return f"{name} is no longer configured"
        return too_early(remedy, view)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.restart_service(remedy.args["service"])


ACTION: Action = RestartService()
