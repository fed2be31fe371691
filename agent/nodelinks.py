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

from agent.authz.authoriser import Authoriser
from agent.authz.links import permit
from agent.authz.standing import by_revocations
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
        authoriser: Authoriser | None = None,
        grace: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`on_change`: what is said of links is another now (a neighbour came, went, failed).

        `authoriser` has the last word on who is a neighbour, and learns here who is revoked.
        `grace()`: seconds a neighbour's certificate that is over still counts now.
        """
        self._config, self._devices, self._on_change, self._grace = config, devices, on_change, grace
        self.authoriser = authoriser or Authoriser()
        self.authoriser.on_change(self._rights_changed)
        self._judged = False  # the neighbours were judged by what has changed
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

    def restart(self, hardif: str, mac: str) -> bool:
        """Make the link with this neighbour anew; was there one?"""
        return self._running is not None and self._running.restart(hardif, mac)

    def rekey(self, hardif: str) -> bool:
        """Change the key of this interface now; is there one?"""
        return self._running is not None and self._running.rekey(hardif)

    async def _work(self) -> None:
        config = self._config
        given = (config, self._devices, self._take, self.authoriser, self._trust_changed, self._grace)
        self._running = running = await asyncio.to_thread(_make, *given)
        self.authoriser.revise(by_revocations(running.revoked))
        try:
            await running.run()
        finally:
            self._reading = None

    def _rights_changed(self) -> None:
        """Another policy, or other revocations: who is no longer allowed is cut."""
        if self._running is not None and not self._judged:
            self._running.recheck()

    def _trust_changed(self) -> None:
        """The links have been judged: the rest of what is open is left."""
        self._judged = True
        try:
            self.authoriser.changed()
        finally:
            self._judged = False

    def _take(self, reading: Security) -> None:
        before, self._reading = self._reading, reading
        if before is None or _gist(before) != _gist(reading):
            self._on_change()


def _make(
    config: Config,
    devices: MeshDevices,
    publish: Callable[[Security], None],
    authoriser: Authoriser,
    on_trust: Callable[[], None],
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
    trust = NodeTrust(given.identity, given.suite, grace=grace)
    return Running(given, publish, trust=trust, permit=permit(authoriser), on_trust=on_trust)


def _gist(reading: Security) -> tuple[object, ...]:
    """What of it is news at once; ages and counters are not."""
    return (
        tuple((link.hardif, link.mac, link.peer, link.state, link.held) for link in reading.links),
        tuple((one.hardif, one.mac, one.refused) for one in reading.unsecured),
        tuple((one.hardif, one.peer, one.reason) for one in reading.failures),
        tuple((one.hardif, one.problem) for one in reading.interfaces),
        (reading.identity.id, reading.identity.problem),
    )
