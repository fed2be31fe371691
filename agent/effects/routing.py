# SPDX-License-Identifier: Apache-2.0
"""The mesh's interfaces and batman-adv's routing as actions may change them: `effector.routing`. Blocking."""

from __future__ import annotations

import errno
from collections.abc import Callable

from agent.kernel.batadv import BatAdv
from agent.kernel.errors import KernelError, RefusedError
from agent.kernel.links import Links
from agent.kernel.nl80211 import Nl80211
from agent.readings import Link
from agent.remedies.base import ActionError


class KernelRouting:
    """Shares the effector's sockets. `set_up`: has the keeper look now, from any thread."""

    def __init__(
        self, links: Links, batadv: BatAdv, set_up: Callable[[], None], wifi: Nl80211 | None = None
    ) -> None:
        self._links, self._batadv, self._set_up = links, batadv, set_up
        self._wifi = wifi or Nl80211()

    def throughput_override(self, mesh: str, hardif: str) -> int | None:
        """kbit/s; 0: batman-adv estimates; None: the interface is not in the mesh, or one is gone."""
        try:
            bat = self._links.get(mesh)
            if bat is None:
                return None
            rows = self._batadv.hardifs(bat.index)
        except KernelError as error:
            raise ActionError(f"reading the throughput of {hardif} in {mesh}: {error}") from error
        found = next((row for row in rows if row.name == hardif), None)
        return None if found is None else found.throughput_override_kbit

    def set_throughput_override(self, mesh: str, hardif: str, kbit: int) -> None:
        """Say so from now on, rounded down to 100 kbit/s."""
        try:
            indices = self._links.index(mesh), self._links.index(hardif)
            self._batadv.set_hardif(*indices, throughput_override_kbit=kbit)
        except KernelError as error:
            raise ActionError(
                f"setting the throughput of {hardif} in {mesh} to {kbit} kbit/s: {error}"
            ) from error

    def mtu(self, name: str) -> int | None:
        """Bytes; None where there is no such interface."""
        link = self._link(name, "MTU")
        return None if link is None else link.mtu

    def set_mtu(self, name: str, mtu: int) -> None:
        """Raise or lower it."""
        try:
            self._links.set_mtu(name, mtu)
        except KernelError as error:
            raise ActionError(str(error)) from error

    def mac(self, name: str) -> str | None:
        """The address; None where there is no such interface."""
        link = self._link(name, "address")
        return None if link is None else link.mac

    def set_mac(self, name: str, mac: str) -> None:
        """Drivers that refuse it while the interface is up get it while it is down for a moment."""
        try:
            try:
                self._links.set_mac(name, mac)
            except RefusedError as error:
                if error.errno != errno.EBUSY:
                    raise
                self._links.set_down(name)
                try:
                    self._links.set_mac(name, mac)
                finally:
                    self._links.set_up(name)
        except KernelError as error:
            raise ActionError(str(error)) from error

    def is_up(self, name: str) -> bool | None:
        """By administration; None where there is no such interface."""
        link = self._link(name, "state")
        return None if link is None else link.admin_up

    def switch_on(self, name: str) -> None:
        """Up by administration."""
        try:
            self._links.set_up(name)
        except KernelError as error:
            raise ActionError(str(error)) from error

    def set_up_mesh(self) -> None:
        """Returns before the set-up has run."""
        self._set_up()

    def make_radio(self, name: str) -> None:
        """On the one radio that has no interface. ActionError where there is none, or more than one."""
        try:
            if self._links.get(name) is not None:
                return
            taken = {radio.phy for radio in self._wifi.interfaces()}
            free = [wiphy for wiphy in self._wifi.wiphys() if wiphy.index not in taken]
            if len(free) != 1:
                which = " and ".join(wiphy.name for wiphy in free) or "no radio"
                raise ActionError(
                    f"making {name} again: {which} without an interface, it must be one; look with `iw phy`, "
                    f"then `iw phy PHY interface add {name} type managed`"
                )
            self._wifi.add_interface(free[0].index, name)
        except KernelError as error:
            raise ActionError(f"making {name} again: {error}") from error

    def close(self) -> None:
        """Close the socket of its own."""
        self._wifi.close()

    def _link(self, name: str, what: str) -> Link | None:
        try:
            return self._links.get(name)
        except KernelError as error:
            raise ActionError(f"reading the {what} of {name}: {error}") from error
