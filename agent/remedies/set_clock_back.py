# SPDX-License-Identifier: Apache-2.0
"""set-clock-back: the last good time plus what the monotonic clock counted since."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo


class SetClockBack(NothingToUndo):
    """Args: `offset` (seconds between wall time and the time since boot, when it was last synchronised).

    Not undone: the time it had before is the fault. A time service that runs goes on correcting it.
    """

    id: ClassVar[str] = "set-clock-back"
    title: ClassVar[str] = "put the clock back to the time it should have"
    time_limit: ClassVar[float] = 2.0  # one system call

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Not where somebody has set it right meanwhile."""
        host = view.snapshot.host
        if host is None or host.clock is None or host.clock.trusted_offset is None:
            return "no good time is known"
        if abs(host.clock.trusted_offset - float(remedy.args["offset"])) > 1.0:
            return "it was synchronised again meanwhile"
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.host.set_clock(float(remedy.args["offset"]))


ACTION: Action = SetClockBack()
