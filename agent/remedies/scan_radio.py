# SPDX-License-Identifier: Apache-2.0
"""scan-radio: a look at another channel and back, which makes the driver reset the radio's front end.

The cure of deaf ath9k radios in the field (Gluon #605: `iw dev X scan`). A scan of the own channel alone
would not do: mac80211 stays on it and resets nothing. The radio is away for a quarter of a second.
"""

from __future__ import annotations

from typing import ClassVar

from agent.events import Remedy, Scope
from agent.faults.base import View
from agent.remedies import radiocure
from agent.remedies.base import Action, Effector, NothingToUndo


class ScanRadio(NothingToUndo):
    """Args: `radio`, `since`, `after` (faults/radiofaults.py). Changes nothing, so nothing is undone."""

    id: ClassVar[str] = "scan-radio"
    title: ClassVar[str] = "let the radio scan, which resets its receiver"
    reach: ClassVar[Scope] = Scope.NEIGHBOURS
    time_limit: ClassVar[float] = 15.0  # two scans, each waited for 6 s at most

    def refusal(self, remedy: Remedy, view: View) -> str:
        return radiocure.refusal(remedy, view)

    def act(self, remedy: Remedy, effector: Effector) -> None:
        effector.wifi.scan(remedy.args["radio"])


ACTION: Action = ScanRadio()
