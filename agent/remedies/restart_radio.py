# SPDX-License-Identifier: Apache-2.0
"""restart-radio: a radio off for ten seconds and on again, with everything on it (Gluon #750).

An access point on the same radio goes too, and its clients are cut off: the last thing to try.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies import radiocure
from agent.remedies.base import Action, Effector, UndoRecord


class RestartRadio:
    """Args: `radio`, `since`, `after`. Its record is for who is killed while the radio is off."""

    id: ClassVar[str] = "restart-radio"
    title: ClassVar[str] = "switch the radio off for ten seconds and on again"
    time_limit: ClassVar[float] = 20.0  # ten seconds off, two to settle, and a driver that loads firmware
    temporary: ClassVar[bool] = True  # once it is up there is nothing left to put back

    def refusal(self, remedy: Remedy, view: View) -> str:
        return radiocure.refusal(remedy, view)

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        return radiocure.record(remedy, effector)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        name = remedy.args["radio"]
        effector.wifi.restart(name, effector.wifi.home(name))

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        radiocure.put_back(record, effector)


ACTION: Action = RestartRadio()
