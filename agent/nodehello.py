# SPDX-License-Identifier: Apache-2.0
"""The hello of a running node: fed by the newest snapshot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.hello.channel import Channel
from agent.hello.service import Change, Hello

if TYPE_CHECKING:
    from agent.config import Config
    from agent.events import Snapshot
    from agent.readings import Peer, Report, Twin


class NodeHello:
    """`current` is the hello itself."""

    def __init__(
        self,
        config: Config,
        snapshot: Callable[[], Snapshot | None],
        on_change: Callable[[Change], None],
        open_channel: Callable[[str, int, str], Channel] = Channel,
        takes: Callable[[str], bool] = lambda _word: True,
    ) -> None:
        self._snapshot, self._on_change, self._open, self._takes = snapshot, on_change, open_channel, takes
        self._nodes: tuple[float, frozenset[str]] = (0.0, frozenset())  # when they were read
        self.current = self._new(config)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            self.current.start()
            await asyncio.Event().wait()
        finally:
            self.current.stop()

    def reconfigure(self, config: Config) -> None:
        """Another interval, while it runs; peers, suspicions and intents stay. A port needs a restart."""
        self.current.pace(config.hello.interval)

    def peers(self) -> tuple[Peer, ...]:
        """Any thread."""
        return self.current.peers()

    def reports(self) -> tuple[Report, ...]:
        """Any thread."""
        return self.current.reports()

    def names(self) -> Mapping[str, str]:
        """Any thread."""
        return self.current.names()

    def twins(self) -> tuple[Twin, ...]:
        """Any thread."""
        return self.current.twins()

    def _new(self, config: Config) -> Hello:
        return Hello(
            node=config.node.name,
            interfaces=[interface.name for interface in config.mesh.interfaces],
            mesh=config.mesh.name,
            port=config.hello.port,
            interval=config.hello.interval,
            originator=self._originator,
            heard=self._heard_by_kernel,
            elp_ms=self._elp_ms,
            is_node=self._is_node,
            on_change=self._on_change,
            open_channel=self._open,
            takes=self._takes,
        )

    def _originator(self) -> str:
        snapshot = self._snapshot()
        return snapshot.mesh.mac if snapshot and snapshot.mesh else ""

    def _is_node(self, mac: str) -> bool:
        """Was this originator heard in this run?"""
        snapshot = self._snapshot()
        if snapshot is None or snapshot.mesh is None:
            return False
        if self._nodes[0] != snapshot.mesh.originators_at:
            self._nodes = (snapshot.mesh.originators_at, frozenset(one.mac for one in snapshot.mesh.known))
        return mac in self._nodes[1]

    def _elp_ms(self, hardif: str) -> int:
        """The interface's ELP interval as the kernel says, 0 while it is not read."""
        snapshot = self._snapshot()
        hardifs = snapshot.mesh.hardifs if snapshot and snapshot.mesh else ()
        return next((found.elp_interval_ms or 0 for found in hardifs if found.name == hardif), 0)

    def _heard_by_kernel(self, hardif: str) -> list[tuple[str, float]]:
        """(MAC, age in s) of the neighbours batman-adv hears on this interface."""
        snapshot = self._snapshot()
        if snapshot is None or snapshot.mesh is None:
            return []
        mesh, now = snapshot.mesh, time.monotonic()
        since = max(0.0, now - mesh.neighbours_at)
        return [(row.mac, row.last_seen_age + since) for row in mesh.neighbours if row.hardif == hardif]
