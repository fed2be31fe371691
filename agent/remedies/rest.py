# SPDX-License-Identifier: Apache-2.0
"""rest: the agent looks at the mesh half as often and in no bursts, to spare a machine that is too hot."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, UndoRecord


class Rest:
    """No args. Undone when it is cooler; an agent that ends has nothing left to spare."""

    id: ClassVar[str] = "rest"
    title: ClassVar[str] = "let the agent look half as often"
    time_limit: ClassVar[float] = 2.0  # it sets a flag

    def refusal(self, remedy: Remedy, view: View) -> str:
        return ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        return UndoRecord(self.id, {})

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.host.rest(True)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        effector.host.rest(False)


ACTION: Action = Rest()
