# SPDX-License-Identifier: Apache-2.0
"""restart-time-service: the service that sets the clock begins anew and asks its servers again."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo, too_early


class RestartTimeService(NothingToUndo):
    """Args: `unit`, and for a later try `not_before` (monotonic seconds). A restart cannot be undone."""

    id: ClassVar[str] = "restart-time-service"
    title: ClassVar[str] = "restart the service that sets the clock"
    time_limit: ClassVar[float] = 12.0  # systemctl has 10 s

    def refusal(self, remedy: Remedy, view: View) -> str:
        return too_early(remedy, view)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.host.restart_time_service(remedy.args["unit"])


ACTION: Action = RestartTimeService()
