# SPDX-License-Identifier: Apache-2.0
"""Carries out how gateways share their clients: announces what is free, lets a client choose anew.

Set-up in motion, no remedy. When the agent ends, a gateway announces what is configured again, and a client
follows batman-adv's own rule (agent/mesh/restore.py).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.events import Snapshot
from agent.kernel.batadv import BatAdv
from agent.kernel.errors import KernelError
from agent.mesh.gatewaychoice import CLIENT_THRESHOLD_KBIT, GatewayChoice
from agent.mesh.gatewayload import Announcement, GatewayLoad
from agent.readings import Mesh, Uplink, as_kept

if TYPE_CHECKING:
    from agent.config import Config

Set = Callable[..., None]
AGAIN_S: Final = 600.0  # after the kernel refused: it will hardly change its mind

log = logging.getLogger("x0.mesh")


class GatewayBalance:
    """`tick` with every snapshot. Event loop only; the kernel is told in a worker thread, one call at a time.

    `may_act()`: why nothing may be done now, "" where it may.
    """

    def __init__(
        self,
        config: Config,
        *,
        may_act: Callable[[], str] = lambda: "",
        set_mesh: Set | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._may_act, self._chance = may_act, chance
        self._set: Set = set_mesh or BatAdv().set_mesh
        gateway = config.mesh.gateway
        self._on = config.mesh.enabled and gateway.balance
        self._load = GatewayLoad(gateway.down, gateway.up)
        self._configured = Announcement(gateway.down, gateway.up)
        self._announced = self._configured  # as we or the set-up told the kernel last
        self._choice = GatewayChoice(chance)
        self._uplink: Uplink | None = None
        self._index = 0  # of the mesh interface that was told
        self._refused_at = float("-inf")
        self._left: Announcement | None = None  # what a person announces: left alone
        self._call: asyncio.Task[None] | None = None

    def tick(self, snapshot: Snapshot) -> None:
        """Measure, and act where it is due."""
        mesh, uplink, now = snapshot.mesh, snapshot.uplink, snapshot.at
        if not self._on or mesh is None:
            return
        fresh = uplink is not None and uplink is not self._uplink
        if uplink is not None and fresh and uplink.rx_kbit is not None and uplink.tx_kbit is not None:
            self._load.measured(now, uplink.rx_kbit, uplink.tx_kbit)
        self._uplink = uplink
        if self._call is not None or now - self._refused_at < AGAIN_S or self._may_act():
            return
        if mesh.gw_mode == "client":
            if self._choice.look(now, mesh):
                log.info(
                    "another gateway has more room: the kernel chooses anew",
                    extra={"event": "gateway-choice"},
                )
                self._begin(mesh.index, now, gw_sel_kbit=CLIENT_THRESHOLD_KBIT)
        elif mesh.gw_mode == "server" and fresh and self._ours(mesh):
            told = self._load.due(now, self._chance())
            if told is not None:
                log.info(
                    "announced as a gateway with %d/%d kbit/s, what the uplink has free",
                    told.down_kbit,
                    told.up_kbit,
                    extra={
                        "event": "gateway-announced",
                        "fields": {"down_kbit": told.down_kbit, "up_kbit": told.up_kbit},
                    },
                )
                self._announced = told
                self._begin(mesh.index, now, gw_down_kbit=told.down_kbit, gw_up_kbit=told.up_kbit)

    def reconfigure(self, config: Config) -> None:
        """In observe nothing is announced but what is configured. The rest needs a restart of the agent."""
        if config.mode != "heal" and self._announced != self._configured and self._index:
            self._announced = self._configured
            self._begin(
                self._index, 0.0, gw_down_kbit=self._configured.down_kbit, gw_up_kbit=self._configured.up_kbit
            )

    def _ours(self, mesh: Mesh) -> bool:
        """Is what is announced what we told? A person's choice is left alone, and said once."""
        if mesh.gw_down_kbit is None or mesh.gw_up_kbit is None:
            return False
        found = Announcement(mesh.gw_down_kbit, mesh.gw_up_kbit)
        ours = [_rounded(one) for one in (self._announced, self._configured)]
        if found in ours:
            self._left = None
            return True
        if found != self._left:
            self._left = found
            log.warning(
                "this gateway is announced with %d/%d kbit/s by hand: left so", found.down_kbit, found.up_kbit
            )
        return False

    def _begin(self, index: int, now: float, **values: int) -> None:
        self._index = index
        self._call = asyncio.get_running_loop().create_task(self._tell(index, now, values))

    async def _tell(self, index: int, now: float, values: dict[str, int]) -> None:
        try:
            await asyncio.to_thread(self._set, index, **values)
        except KernelError as error:
            self._refused_at = now
            log.warning("gateways are not balanced for a while: %s", error)
        finally:
            self._call = None


def _rounded(told: Announcement) -> Announcement:
    """As the kernel keeps it."""
    return Announcement(as_kept(told.down_kbit), as_kept(told.up_kbit))
