# SPDX-License-Identifier: Apache-2.0
"""What an action is: precondition, act, undo. A file here with a module-level `ACTION` is found by itself.

Acting and undoing run in the executor's worker thread and may block within the action's time limit. What an
action will change is written to the undo journal before it acts; `undo` gets only the journal's record, so
that a later process (the unit's ExecStopPost, or the next start) can replay it without the loop.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import msgspec

from agent.events import Remedy
from agent.faults.base import View
from agent.remedies.effects_gateways import Gateways
from agent.remedies.effects_host import HostEffects
from agent.remedies.effects_links import SecuredLinks
from agent.remedies.effects_routing import Routing
from agent.remedies.effects_wifi import Wifi


class ActionError(Exception):
    """An action could not be carried out: what was tried, what the system said, what to do."""


class UndoRecord(msgspec.Struct, frozen=True):
    """What must be done to put things back as they were before the action."""

    action: str  # whose `undo` knows how
    args: dict[str, str]


class Effector(Protocol):
    """The mechanisms an action may use. Implemented by agent/effector.py over agent/kernel."""

    @property
    def routing(self) -> Routing:
        """Interfaces of the mesh and what batman-adv thinks of them."""
        ...

    @property
    def gateways(self) -> Gateways:
        """batman-adv's gateway mode on this node."""
        ...

    @property
    def host(self) -> HostEffects:
        """The machine itself: room, memory, clock."""
        ...

    @property
    def wifi(self) -> Wifi:
        """The mesh's radios."""
        ...

    @property
    def secured(self) -> SecuredLinks:
        """Channels and keys of secured neighbours."""
        ...

    def attach_hardif(self, mesh: str, name: str) -> None: ...
    def detach_hardif(self, name: str) -> None: ...
    def hardif_master(self, name: str) -> str | None:
        """Name of the interface's master, "" where none, None where the interface does not exist."""
        ...

    def set_ogm_interval(self, mesh: str, milliseconds: int) -> None: ...
    def ogm_interval(self, mesh: str) -> int: ...
    def restart_service(self, name: str) -> None:
        """Stop what is left of it (TERM, then KILL within the limit) and start it as configured."""
        ...


class Action(Protocol):
    """One thing the agent can do.

    Where others feel it, it has a `reach` (events.Scope), by which the authorisation judges it
    (mapek/permit.py).
    """

    id: ClassVar[str]
    title: ClassVar[str]  # in a technician's words, infinitive: "take link e2 out of the mesh"
    time_limit: ClassVar[float]  # seconds for `act`

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Why it must not be done now ("" when it may)."""
        ...

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """What would undo it, read before acting; None where there is nothing to undo (a restart)."""
        ...

    def act(self, remedy: Remedy, effector: Effector) -> None:
        """Do it; idempotent. Raises ActionError."""
        ...

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Put it back; idempotent; a thing that no longer exists counts as put back. Raises ActionError."""
        ...


class NothingToUndo:
    """For actions whose change is right, or cannot be taken back: no record, nothing to put back."""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        return None

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Nothing."""


def too_early(remedy: Remedy, view: View) -> str:
    """Why a later try is not due yet, by its `not_before` (monotonic seconds); "" when it is."""
    not_before = float(remedy.args.get("not_before", "0"))
    return f"the next try is due in {not_before - view.now:.0f} s" if view.now < not_before else ""
