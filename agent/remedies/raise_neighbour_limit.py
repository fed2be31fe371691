# SPDX-License-Identifier: Apache-2.0
"""raise-neighbour-limit: more IP neighbours fit into the kernel's table, for the whole machine."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, UndoRecord


class RaiseNeighbourLimit:
    """Args: `table`, `soft` (gc_thresh2), `hard` (gc_thresh3). Undone to the limits there were."""

    id: ClassVar[str] = "raise-neighbour-limit"
    title: ClassVar[str] = "let more IP neighbours be remembered"
    time_limit: ClassVar[float] = 3.0  # two rtnetlink requests

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Never lower than what is set."""
        host = view.snapshot.host
        tables = host.neighbour_tables if host is not None else ()
        limit = next((table.limit for table in tables if table.name == remedy.args["table"]), None)
        if limit is None:
            return f"the limit of {remedy.args['table']} cannot be read"
        return f"the limit is {limit} already" if limit >= int(remedy.args["hard"]) else ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        limits = effector.host.neighbour_limits(remedy.args["table"])
        if limits is None:
            return None
        old = {"old_soft": str(limits[0]), "old_hard": str(limits[1])}
        return UndoRecord(self.id, {**remedy.args, **old})

    def act(self, remedy: Remedy, effector: Effector) -> None:
        table, soft, hard = remedy.args["table"], int(remedy.args["soft"]), int(remedy.args["hard"])
        limits = effector.host.neighbour_limits(table)
        if limits is None:
            raise ActionError(f"raising the limit of {table}: the kernel has no such table")
        if limits[1] < hard:
            effector.host.set_neighbour_limits(table, max(soft, limits[0]), hard)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Unless somebody set another limit meanwhile."""
        limits = effector.host.neighbour_limits(record.args["table"])
        if limits is not None and limits[1] == int(record.args["hard"]):
            old = int(record.args["old_soft"]), int(record.args["old_hard"])
            effector.host.set_neighbour_limits(record.args["table"], *old)


ACTION: Action = RaiseNeighbourLimit()
