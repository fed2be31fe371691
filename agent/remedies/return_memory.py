# SPDX-License-Identifier: Apache-2.0
"""return-memory: the agent gives memory it holds and does not need back to the system."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, NothingToUndo

WORTH = 1_000_000  # bytes; less makes no difference to a machine that is out of memory


class ReturnMemory(NothingToUndo):
    """No args. Nothing to undo: what it needs again it takes again."""

    id: ClassVar[str] = "return-memory"
    title: ClassVar[str] = "give back memory the agent can spare"
    time_limit: ClassVar[float] = 5.0  # a collection takes 0.1 s; a machine short of memory swaps or stalls

    def refusal(self, remedy: Remedy, view: View) -> str:
        return ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        freed = effector.host.return_memory()
        if freed < WORTH:
            raise ActionError(f"giving back memory of the agent: {freed} bytes, it holds no more to spare")


ACTION: Action = ReturnMemory()
