# SPDX-License-Identifier: Apache-2.0
"""What the three cures of a radio share: what they refuse and, where it leaves its mesh, how it returns."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults import radiofaults
from agent.faults.base import View
from agent.remedies.base import ActionError, Effector, UndoRecord
from agent.remedies.effects_wifi import Home


def refusal(remedy: Remedy, view: View) -> str:
    """Not before its time, not on what a person switched off, not on a radio that is none of the mesh's."""
    name = remedy.args["radio"]
    if name not in view.hardifs_wanted:
        return f"{name} is no longer configured"
    if radiofaults.radio_of(view, name) is None:
        return f"{name} is no radio of the mesh now"
    if not lv.usable(view, name):
        return f"{name} is switched off"
    left = float(remedy.args["not_before"]) - view.now
    return f"the next try is due in {left:.0f} s" if left > 0 else ""


class Cure:
    """What takes a radio out of its mesh and brings it back; the act is each one's own.

    Its record is for who is killed in between.
    """

    temporary: ClassVar[bool] = True  # its record is closed as soon as that is over
    cures: ClassVar[bool] = True  # once it is back there is nothing left to put back

    def refusal(self, remedy: Remedy, view: View) -> str:
        return refusal(remedy, view)

    def undo_record(self, remedy: Remedy, effector: Effector) -> UndoRecord | None:
        """Where the radio belongs, so that it can be put back by who knows no configuration."""
        name = remedy.args["radio"]
        home = effector.wifi.home(name)
        told = {
            "radio": name,
            "kind": home.kind,
            "freq_mhz": str(home.freq_mhz),
            "mesh_id": home.mesh_id,
            "up": " ".join(home.up),
        }
        return UndoRecord(remedy.action, told)

    def undo(self, record: UndoRecord, effector: Effector) -> None:
        """Up and in its mesh, as it was."""
        args = record.args
        try:
            home = Home(args["kind"], int(args["freq_mhz"]), args["mesh_id"], tuple(args["up"].split()))
            name = args["radio"]
        except (KeyError, ValueError) as error:
            raise ActionError(
                f"putting back {record.action}: its record says {args}, which is no radio's: switch the "
                "radio on by hand"
            ) from error
        effector.wifi.restore(name, home)
