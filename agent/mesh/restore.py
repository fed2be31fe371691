# SPDX-License-Identifier: Apache-2.0
"""Timers back to rest where the agent was killed in haste: for `python -m agent.undo`. Blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.kernel.batadv import BatAdv
from agent.kernel.links import Links
from agent.mesh import timers

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
