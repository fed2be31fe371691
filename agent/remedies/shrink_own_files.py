# SPDX-License-Identifier: Apache-2.0
"""shrink-own-files: the agent gives up old records and damaged files it had kept, to make room."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo


class ShrinkOwnFiles(NothingToUndo):
    """No args. Cannot be undone: the newest records are kept, the others are gone."""

    id: ClassVar[str] = "shrink-own-files"
    title: ClassVar[str] = "delete the agent's own old records"
    time_limit: ClassVar[float] = 20.0  # a few MB are written anew, on a slow card

    def refusal(self, remedy: Remedy, view: View) -> str:
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.host.shrink_own_files()


ACTION: Action = ShrinkOwnFiles()
