# SPDX-License-Identifier: Apache-2.0
"""set-mac: give an interface an address no other has."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, UndoRecord


class SetMac:
    """Args: `hardif`, `mac`. The address stays: one for each is right, two alike never are.

    Its record is for who is killed while the interface is down for it; whoever comes next switches it on. A
    radio that left its mesh by that is joined again by the keeper.
    """

    id: ClassVar[str] = "set-mac"
    title: ClassVar[str] = "give the interface an address of its own"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 5.0  # some drivers must be down for it, and restart the card
    temporary: ClassVar[bool] = True  # its record is closed as soon as that is over
    cures: ClassVar[bool] = True  # once it has the address there is nothing left to put back

    def refusal(self, remedy: Remedy, view: View) -> str:
        """Never the primary's: it is the node's name in the mesh."""
        hardif = remedy.args["hardif"]
        if hardif == view.primary:
            return f"{hardif} is the primary interface: without its address the node is another one"
        return "" if lv.link_of(view, hardif) is not None else f"{hardif} does not exist"

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Nothing where it is down already, or gone."""
        hardif = remedy.args["hardif"]
        return UndoRecord(self.id, {"hardif": hardif}) if effector.routing.is_up(hardif) else None

    def act(self, remedy: Remedy, effector: Effector) -> None:
        hardif, mac = remedy.args["hardif"], remedy.args["mac"]
        found = effector.routing.mac(hardif)
        if found is None:
            raise ActionError(f"giving {hardif} the address {mac}: there is no such interface")
        if found != mac:
            effector.routing.set_mac(hardif, mac)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """On, as it was; the former address was never what was wanted."""
        hardif = record.args["hardif"]
        if effector.routing.is_up(hardif) is False:
            effector.routing.switch_on(hardif)


ACTION: Action = SetMac()
