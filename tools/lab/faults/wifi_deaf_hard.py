# SPDX-License-Identifier: Apache-2.0
"""A deaf radio that a scan does not cure: it hears again once it has left its mesh (see wifi_deaf.py)."""

from tools.lab.faults.base import Fault
from tools.lab.faults.wifi_deaf import deafen, undeafen

FAULT = Fault(
    id="wifi-deaf-hard",
    what="the radio of --node hears nobody (and nobody hears it) until it leaves its mesh",
    peer=False,
    inject=lambda target: deafen(target, "rejoin"),
    clear=undeafen,
)
