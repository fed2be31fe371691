# SPDX-License-Identifier: Apache-2.0
"""The echoes of a running node: neighbours in doubt are asked fast, all others a little, for what is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from agent.sensors.echoes import Echoes
from agent.sensors.losses import Losses

PROBE_FOR = 3.0  # s a wish to ask a neighbour lasts: a calm loop wishes once a second, a pause ends a streak


class NodeEchoes:
    """`sensors` are the two of it. `returned()` is called when one answers that had not answered."""

    def __init__(
        self,
        address: Callable[[str, str], str],
        returned: Callable[[], None],
        device: Callable[[str], str] = str,
    ) -> None:
        """`device(hardif)`: what batman-adv has of an interface; the neighbour is asked through that."""

        def index(hardif: str) -> int:
            return socket.if_nametoindex(device(hardif))

        self._doubts = Echoes(address, on_return=lambda *_: returned(), index=index)
        self._losses = Losses(address, index=index)
        self.sensors = (self._doubts, self._losses)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            self._doubts.start()
            self._losses.start()
            await asyncio.Event().wait()
        finally:
            self._doubts.stop()
            self._losses.stop()

    def probe(self, hardif: str, mac: str) -> None:
        """This one is in doubt or under treatment; again while it is."""
        self._doubts.probe(hardif, mac, PROBE_FOR)
        self._losses.treat(hardif, mac)

    def meet(self, neighbours: Sequence[tuple[str, str]]) -> None:
        """These (hardif, MAC) are well."""
        self._doubts.meet(neighbours)
        self._losses.meet(neighbours)
