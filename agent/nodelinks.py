# SPDX-License-Identifier: Apache-2.0
"""Link security of the running node: begun, ended and begun anew as the configuration says.

What it needs (the crypto libraries, 13 MB) is loaded when it is wanted first, and not on a node without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.configsecurity import secured
from agent.meshdevices import MeshDevices

if TYPE_CHECKING:
    from agent.config import Config
    from agent.linksec.running import Running
    from agent.securityreadings import Security

IDENTITY = "identity"  # folder of the state directory: agent/identity/nodefiles.py

log = logging.getLogger("x0.linksec")


class NodeLinks:
    """`run` it under supervision. Event loop only, but `security`."""

    def __init__(
        self,
        config: Config,
        devices: MeshDevices,
        on_change: Callable[[], None],
        grace: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`on_change`: what is said of links is another now (a neighbour came, went, failed).

        `grace()`: seconds a neighbour's certificate that is over still counts now.
        """
        self._config, self._devices, self._on_change, self._grace = config, devices, on_change, grace
        self._changed = asyncio.Event()
        self._running: Running | None = None
        self._reading: Security | None = None
        devices.secured = secured(config)

    async def run(self) -> None:
        """Until cancelled. Neighbours keep our keys for half a minute, their kernels and ours work on."""
        while True:
            self._changed.clear()
            if not secured(self._config):
                self._reading = None
                await self._changed.wait()
                continue
            working = asyncio.create_task(self._work(), name="linksec")
            waiting = asyncio.create_task(self._changed.wait(), name="linksec changes")
            try:
                await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    await working
            finally:
                for task in (working, waiting):
                    task.cancel()
                await asyncio.gather(working, waiting, return_exceptions=True)
                self._running = None

    def reconfigure(self, config: Config) -> None:
        """Another configuration; what it is built on (the macsec devices) is the keeper's."""
        before, self._config = self._config, config
        self._devices.secured = secured(config)
        if (secured(before), before.links) != (secured(config), config.links):
            self._changed.set()

    def refresh(self) -> None:
        """Interfaces or this node's files changed: look now."""
        if self._running is not None:
            self._running.look()

    def security(self) -> Security | None:
        """The newest reading, None where links are not secured. Any thread."""
        return self._reading

    def problems(self) -> dict[str, str]:
        """Interface ("" for the node) > why its links cannot be secured now."""
        return self._running.problems() if self._running is not None else {}

    async def _work(self) -> None:
        config = self._config
        self._running = running = await asyncio.to_thread(
            _make, config, self._devices, self._take, self._grace
        )
        try:
            await running.run()
        finally:
            self._reading = None

    def _take(self, reading: Security) -> None:
        before, self._reading = self._reading, reading
        if before is None or _gist(before) != _gist(reading):
            self._on_change()


def _make(
    config: Config,
    devices: MeshDevices,
    publish: Callable[[Security], None],
    grace: Callable[[], float],
) -> Running:
    """In a worker thread: loading takes a second on a slow board."""
    from agent.linksec.nodetrust import NodeTrust
    from agent.linksec.running import Given, Running

    given = Given(
        tuple(interface.name for interface in config.mesh.interfaces),
        devices,
        Path(config.node.state_dir) / IDENTITY,
        Path(config.node.control_socket).parent,
        config.links.suite,
        config.links.rekey_period,
    )
    return Running(given, publish, trust=NodeTrust(given.identity, given.suite, grace=grace))


def _gist(reading: Security) -> tuple[object, ...]:
    """What of it is news at once; ages and counters are not."""
    return (
        tuple((link.hardif, link.mac, link.peer, link.state, link.held) for link in reading.links),
        tuple((one.hardif, one.mac, one.refused) for one in reading.unsecured),
        tuple((one.hardif, one.peer, one.reason) for one in reading.failures),
        tuple((one.hardif, one.problem) for one in reading.interfaces),
        (reading.identity.id, reading.identity.problem),
    )
