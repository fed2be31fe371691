# SPDX-License-Identifier: Apache-2.0
"""clamp-mtu: let the mesh interface take only packets that pass an interface whose MTU cannot be raised.

The node's own packets then fit, and TCP tells the far end to send smaller ones (its MSS follows the MTU).
"""

from __future__ import annotations

from typing import ClassVar, Final

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, ActionError, Effector, UndoRecord

LEAST: Final = 1280  # bytes: IPv6 needs them on every link (RFC 8200); with less the mesh would lose IPv6


class ClampMtu:
    """Args: `hardif` (the mesh interface), `mtu` in bytes. Undone to the MTU it had."""

    id: ClassVar[str] = "clamp-mtu"
    title: ClassVar[str] = "let the mesh carry only packets that fit"
    time_limit: ClassVar[float] = 3.0  # one rtnetlink request

    def refusal(self, remedy: Remedy, view: View) -> str:
        name, wanted = remedy.args["hardif"], int(remedy.args["mtu"])
        link = lv.link_of(view, name)
        if link is None:
            return f"{name} does not exist"
        if link.mtu <= wanted:
            return f"{name} takes no larger packets already"
        if wanted < LEAST:
            return f"only {wanted} bytes would be left, and IPv6 needs {LEAST}"
        return ""

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        name = remedy.args["hardif"]
        found = effector.routing.mtu(name)
        if found is None:
            return None
        return UndoRecord(self.id, {"hardif": name, "mtu": str(found), "clamped": remedy.args["mtu"]})

    def act(self, remedy: Remedy, effector: Effector) -> None:
        name, wanted = remedy.args["hardif"], int(remedy.args["mtu"])
        found = effector.routing.mtu(name)
        if found is None:
            raise ActionError(f"lowering the MTU of {name}: there is no such interface; look with `ip link`")
        if found > wanted:
            effector.routing.set_mtu(name, wanted)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """To what it was, unless it was made anew or somebody set another since."""
        name = record.args["hardif"]
        if effector.routing.mtu(name) == int(record.args["clamped"]):
            effector.routing.set_mtu(name, int(record.args["mtu"]))


ACTION: Action = ClampMtu()
