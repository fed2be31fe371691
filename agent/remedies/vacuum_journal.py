# SPDX-License-Identifier: Apache-2.0
"""vacuum-journal: the system journal gives up its oldest files, to make room."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo


class VacuumJournal(NothingToUndo):
    """Args: `keep` (bytes the journal keeps). Cannot be undone: old messages are gone."""

    id: ClassVar[str] = "vacuum-journal"
    title: ClassVar[str] = "delete the oldest part of the system journal"
    time_limit: ClassVar[float] = 25.0  # journalctl has 20 s

    def refusal(self, remedy: Remedy, view: View) -> str:
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.host.vacuum_journal(int(remedy.args["keep"]))


ACTION: Action = VacuumJournal()
