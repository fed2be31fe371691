# SPDX-License-Identifier: Apache-2.0
"""What the two changes of batman-adv's gateway mode share: a mode a person chose meanwhile is left alone."""

from __future__ import annotations

from typing import Final

from agent.remedies.base import Effector
from agent.remedies.effects_gateways import GatewayState

OFF: Final = "off"
CLIENT: Final = "client"
SERVER: Final = "server"


def found_as(effector: Effector, mesh: str, mode: str) -> GatewayState | None:
    """The kernel's word, None where the mode is another one or there is no such mesh interface."""
    found = effector.gateways.state(mesh)
    return found if found is not None and found.mode == mode else None


def switch(
    effector: Effector, mesh: str, before: str, after: str, *, down_kbit: int = 0, up_kbit: int = 0
) -> None:
    """From one mode to the other; nothing where it is not in the first. Bandwidths are a server's."""
    if found_as(effector, mesh, before) is not None:
        effector.gateways.set_mode(mesh, after, down_kbit=down_kbit, up_kbit=up_kbit)
