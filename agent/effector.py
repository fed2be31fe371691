# SPDX-License-Identifier: Apache-2.0
"""What actions may do to the system, over the kernel and the service controller: `remedies.base.Effector`.

Blocking, for the executor's worker thread and for `python -m agent.undo`; has sockets of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from agent.effects.gateways import KernelGateways
from agent.effects.host import KernelHost
from agent.effects.links import NoLinks
from agent.effects.routing import KernelRouting
from agent.effects.wifi import KernelWifi
from agent.kernel.batadv import BatAdv
from agent.kernel.errors import InterfaceGoneError, KernelError
from agent.kernel.links import Links
from agent.mesh.wanted import HardifSettings
from agent.remedies.base import ActionError
from agent.remedies.effects_links import SecuredLinks
from agent.services.errors import ServiceError

log = logging.getLogger("x0.effector")


def _unnoticed(_milliseconds: int) -> None:
    return


def _nothing() -> None:
    return


class KernelEffector:
    """The mechanisms, each an ActionError where the system refuses.

    `settings(name)`: what batman-adv must be told again when a hardif comes back (None: nothing).
    `restart(name)`: the service controller's; raises an exception with a text. `rest_ogm_ms()`: the interval
    to return to, None: as the kernel has it. `on_ogm(ms)`: told after the interval was set, so that the
    keeper returns to rest in time. `set_up()`: has the keeper look now, from any thread.
    """

    def __init__(
        self,
        *,
        settings: Callable[[str], HardifSettings | None],
        restart: Callable[[str], None],
        rest_ogm_ms: Callable[[], int | None] = lambda: None,
        on_ogm: Callable[[int], None] = _unnoticed,
        set_up: Callable[[], None] = _nothing,
        host: KernelHost | None = None,
        links: Links | None = None,
        batadv: BatAdv | None = None,
        secured: SecuredLinks | None = None,
    ) -> None:
        self._settings, self._restart = settings, restart
        self._rest_ogm_ms, self._on_ogm = rest_ogm_ms, on_ogm
        self._links = links or Links()
        self._batadv = batadv or BatAdv()
        self.gateways = KernelGateways(self._links, self._batadv)
        self.host = host or KernelHost()
        self.routing = KernelRouting(self._links, self._batadv, set_up)
        self.wifi = KernelWifi(self._links)
        self.secured: SecuredLinks = secured or NoLinks()

    def attach_hardif(self, mesh: str, name: str) -> None:
        """Into the mesh, up, with its settings; if only those fail, it is logged: the keeper tries again."""
        try:
            self._links.set_master(name, mesh)
            self._links.set_up(name)
            mesh_index, index = self._links.index(mesh), self._links.index(name)
        except KernelError as error:
            raise ActionError(f"attaching {name} to {mesh}: {error}") from error
        settings = self._settings(name)
        if settings is None:
            return
        try:
            self._batadv.set_hardif(
                mesh_index,
                index,
                elp_interval_ms=settings.elp_interval_ms,
                throughput_override_kbit=settings.throughput_override_kbit,
            )
        except KernelError as error:
            log.warning("%s is back in %s, but without its settings: %s", name, mesh, error)

    def detach_hardif(self, name: str) -> None:
        """Out of the mesh; the device stays up."""
        try:
            self._links.set_master(name, None)
        except KernelError as error:
            raise ActionError(f"detaching {name}: {error}") from error

    def hardif_master(self, name: str) -> str | None:
        """Name of the interface's master, "" where none, None where the interface does not exist."""
        try:
            link = self._links.get(name)
            if link is None:
                return None
            return self._links.name(link.master) if link.master else ""
        except InterfaceGoneError:
            return ""  # the master vanished between the two questions
        except KernelError as error:
            raise ActionError(f"reading the master of {name}: {error}") from error

    def set_ogm_interval(self, mesh: str, milliseconds: int) -> None:
        """A mesh that no longer exists has no interval to set."""
        try:
            link = self._links.get(mesh)
            if link is not None:
                self._batadv.set_mesh(link.index, ogm_interval_ms=milliseconds)
                self._on_ogm(milliseconds)
        except KernelError as error:
            raise ActionError(f"setting the OGM interval of {mesh}: {error}") from error

    def ogm_interval(self, mesh: str) -> int:
        """The interval at rest (not a hastened one, where the keeper knows better), milliseconds."""
        known = self._rest_ogm_ms()
        if known is not None:
            return known
        try:
            return self._batadv.mesh(mesh).ogm_interval_ms
        except KernelError as error:
            raise ActionError(f"reading the OGM interval of {mesh}: {error}") from error

    def restart_service(self, name: str) -> None:
        """Stop what is left of it and start it as configured."""
        try:
            self._restart(name)
        except ServiceError as error:
            raise ActionError(f"restarting {name}: {str(error).removeprefix(f'{name}: ')}") from error
        except Exception as error:  # its text may be one bare word, as a KeyError's is
            raise ActionError(f"restarting {name}: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the sockets."""
        self.host.close()
        self.routing.close()
        self.wifi.close()
        self._links.close()
        self._batadv.close()
