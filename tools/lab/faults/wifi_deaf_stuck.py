# SPDX-License-Identifier: Apache-2.0
"""A deaf radio that only switching off and on cures (see wifi_deaf.py)."""

from tools.lab.faults.base import Fault
from tools.lab.faults.wifi_deaf import deafen, undeafen

FAULT = Fault(
    id="wifi-deaf-stuck",
    what="the radio of --node hears nobody (and nobody hears it) until it is switched off",
    peer=False,
    inject=lambda target: deafen(target, "restart"),
    clear=undeafen,
)
