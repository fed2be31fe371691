# SPDX-License-Identifier: Apache-2.0
"""What actions may do to gateways: the contract. Implemented by agent/effects/gateways.py."""

from __future__ import annotations

from typing import Protocol

import msgspec


class GatewayState(msgspec.Struct, frozen=True):
    """A mesh interface's gateway mode and the bandwidths it announces as a server, kbit/s."""

    mode: str  # "off", "client", "server"
    down_kbit: int
    up_kbit: int


class Gateways(Protocol):
    """batman-adv's gateway mode on this node."""

    def state(self, mesh: str) -> GatewayState | None:
        """As the kernel has it, None where there is no such mesh interface. Raises ActionError."""
        ...

    def set_mode(self, mesh: str, mode: str, *, down_kbit: int = 0, up_kbit: int = 0) -> None:
        """Bandwidths are a server's, 0 leaves them; without the mesh nothing is set. ActionError."""
        ...
