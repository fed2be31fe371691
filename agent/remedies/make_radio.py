# SPDX-License-Identifier: Apache-2.0
"""make-radio: make the network interface of a radio again; the keeper joins it to the mesh."""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy
from agent.faults import liveness as lv
from agent.faults.base import View
from agent.remedies.base import Action, Effector, NothingToUndo


class MakeRadio(NothingToUndo):
    """Args: `hardif`. Nothing to undo: the interface is configured, and the mesh needs it."""

    id: ClassVar[str] = "make-radio"
    title: ClassVar[str] = "make the radio's interface again"
    time_limit: ClassVar[float] = 5.0  # the driver may load firmware for it

    def refusal(self, remedy: Remedy, view: View) -> str:
        hardif = remedy.args["hardif"]
        return f"{hardif} exists" if lv.link_of(view, hardif) is not None else ""

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.routing.make_radio(remedy.args["hardif"])
        effector.routing.set_up_mesh()


ACTION: Action = MakeRadio()
