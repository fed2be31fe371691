# SPDX-License-Identifier: Apache-2.0
"""What the set-up changes as it goes, put back where the agent ended, for `python -m agent.undo`. Blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.kernel.batadv import BatAdv
from agent.kernel.links import Links
from agent.mesh import timers
from agent.mesh.gatewaychoice import CLIENT_THRESHOLD_KBIT, KERNELS_THRESHOLD_KBIT
from agent.readings import as_kept

if TYPE_CHECKING:
    from agent.config import Config


def restore_timers(config: Config, links: Links, batadv: BatAdv) -> bool:
    """The OGM interval at rest for the originators there are; was it another? KernelError.

    Nothing in observe, with the mesh disabled, or where there is no mesh.
    """
    link = links.get(config.mesh.name)
    if link is None or not config.mesh.enabled or config.mode != "heal":
        return False
    mesh = batadv.mesh(link.index)
    originators = {row.mac for row in batadv.originators(link.index)}
    rest = timers.rest(config.mesh, len(originators))
    if mesh.ogm_interval_ms >= rest.ogm_ms:
        return False
    batadv.set_mesh(link.index, ogm_interval_ms=rest.ogm_ms)
    return True


def restore_gateway(config: Config, links: Links, batadv: BatAdv) -> bool:
    """A gateway announces its configured bandwidths, a client follows the kernel's own rule; KernelError.

    Was it otherwise? Nothing in observe, with the mesh disabled, or where the mode is not the configured one.
    """
    link, gateway = links.get(config.mesh.name), config.mesh.gateway
    if link is None or not config.mesh.enabled or config.mode != "heal" or not gateway.balance:
        return False
    mesh = batadv.mesh(link.index)
    if mesh.gw_mode != gateway.mode:
        return False
    down, up = as_kept(gateway.down), as_kept(gateway.up)
    if gateway.mode == "server" and (mesh.gw_down_kbit, mesh.gw_up_kbit) != (down, up):
        batadv.set_mesh(link.index, gw_down_kbit=down, gw_up_kbit=up)
        return True
    if gateway.mode == "client" and mesh.gw_sel_kbit == CLIENT_THRESHOLD_KBIT:
        batadv.set_mesh(link.index, gw_sel_kbit=KERNELS_THRESHOLD_KBIT)
        return True
    return False
