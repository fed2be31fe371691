# SPDX-License-Identifier: Apache-2.0
"""batman-adv's gateway mode, over netlink. Blocking, for the executor's worker thread."""

from __future__ import annotations

from agent.kernel.batadv import BatAdv
from agent.kernel.errors import KernelError
from agent.kernel.links import Links
from agent.remedies.base import ActionError
from agent.remedies.effects_gateways import GatewayState


class KernelGateways:
    """Sockets are the effector's: it closes them."""

    def __init__(self, links: Links, batadv: BatAdv) -> None:
        self._links, self._batadv = links, batadv

    def state(self, mesh: str) -> GatewayState | None:
        """As the kernel has it, None where there is no such mesh interface. Raises ActionError."""
        try:
            if self._links.get(mesh) is None:
                return None
            found = self._batadv.mesh(mesh)
        except KernelError as error:
            raise ActionError(f"reading the gateway mode of {mesh}: {error}") from error
        return GatewayState(found.gw_mode, found.gw_down_kbit or 0, found.gw_up_kbit or 0)

    def set_mode(self, mesh: str, mode: str, *, down_kbit: int = 0, up_kbit: int = 0) -> None:
        """Bandwidths are a server's, 0 leaves them; without the mesh nothing is set. ActionError."""
        try:
            link = self._links.get(mesh)
            if link is not None:
                self._batadv.set_mesh(
                    link.index, gw_mode=mode, gw_down_kbit=down_kbit or None, gw_up_kbit=up_kbit or None
                )
        except KernelError as error:
            raise ActionError(f"setting the gateway mode of {mesh} to {mode}: {error}") from error
