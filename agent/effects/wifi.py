# SPDX-License-Identifier: Apache-2.0
"""Radios, as remedies treat them: a look at another channel, leaving and joining again, off and on. Blocking.

The keeper (agent/mesh) joins a radio it finds out of its mesh, so either of us may come second: whoever is
joined already is joined.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final

from agent.kernel.errors import KernelError, RefusedError
from agent.kernel.ingress import Ingress
from agent.kernel.links import Links
from agent.kernel.nl80211 import Nl80211
from agent.mesh import joined, radio
from agent.readings import Radio
from agent.remedies.base import ActionError
from agent.remedies.effects_wifi import Home

SCAN_S: Final = 6.0  # a passive scan of every channel of two bands takes 4 to 5 s, of one channel 0.1 s
OFF_S: Final = 10.0  # Gluon #750: a radio whose baseband hangs needs 10 to 20 s without power
SETTLE_S: Final = 1.5  # after it is up: the next readings must not show it down
BAND_5_GHZ: Final = 5000  # MHz
LOWEST_5_GHZ: Final = 5180
CHANNEL_5_GHZ: Final = 20
CHANNELS_2_GHZ: Final = (2412, 2462)  # 1 and 11: allowed everywhere


class KernelWifi:
    """Over nl80211 and rtnetlink; the links' socket is the effector's, the others its own."""

    def __init__(
        self,
        links: Links,
        wifi: Nl80211 | None = None,
        ingress: Ingress | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._links, self._wifi, self._sleep = links, wifi or Nl80211(), sleep
        self._ingress = ingress or Ingress()

    def home(self, name: str) -> Home:
        """The kernel's word on kind and channel, the interface's alias on the mesh id (mesh/joined.py)."""
        try:
            radios = self._wifi.interfaces()
            known = joined.read(name, self._links)
            own = next((found for found in radios if found.name == name), None)
            if own is None or own.kind not in radio.JOINED_KINDS:
                raise ActionError(f"{name} is no radio of a mesh; look with `iw dev`")
            if known is None:
                raise ActionError(
                    f"nobody noted which mesh {name} belongs to (its alias says nothing): restart the agent, "
                    "which joins it anew"
                )
            return Home(own.kind, known[0], known[1], self._up(own, radios))
        except KernelError as error:
            raise ActionError(f"reading the mesh of {name}: {error}") from error

    def scan(self, name: str) -> None:
        """One channel beside its own; all where the driver does not accept that one."""
        try:
            own = self._find(name)
            if own is None:
                raise ActionError(f"scanning with {name}: there is no such radio; look with `iw dev`")
            try:
                whole = self._wifi.scan(own.index, (_beside(own.freq_mhz),), SCAN_S)
            except RefusedError as error:
                if error.errno != errno.EINVAL:
                    raise
                whole = self._wifi.scan(own.index, (), SCAN_S)
        except KernelError as error:
            raise ActionError(f"scanning with {name}: {error}") from error
        if not whole:
            raise ActionError(
                f"scanning with {name}: the driver broke the scan off; look at the kernel's log"
            )

    def rejoin(self, name: str, home: Home) -> None:
        """Between the two it is out for milliseconds."""
        try:
            own = self._find(name)
            if own is None:
                raise ActionError(f"rejoining {name}: there is no such radio; look with `iw dev`")
            radio.leave(own.index, home.kind, self._wifi)
            self._enter(own.index, home)
        except KernelError as error:
            raise ActionError(f"rejoining {name} to {home.mesh_id}: {error}") from error

    def restart(self, name: str, home: Home) -> None:
        """Off only once every interface of it is down: an access point's goes too."""
        try:
            for each in home.up:
                self._links.set_down(each)
            self._sleep(OFF_S)
        except KernelError as error:
            raise ActionError(f"switching the radio of {name} off: {error}") from error
        finally:
            self.restore(name, home)
        self._sleep(SETTLE_S)

    def restore(self, name: str, home: Home) -> None:
        """The mesh interface first: it must not wait for what an access point's may lack."""
        troubles = []
        for each in sorted(home.up, key=lambda other: other != name):
            try:
                link = self._links.get(each)
                if link is not None and not link.admin_up:
                    self._links.set_up(each)
                own = self._find(each)
                if each == name and own is not None and own.kind == home.kind and not radio.is_in(own):
                    self._enter(own.index, home)
            except KernelError as error:
                troubles.append(str(error))
        if troubles:
            raise ActionError(f"switching the radio of {name} on: {'; '.join(troubles)}")

    def mute(self, name: str, mac: str) -> None:
        """By a filter of its own place; what a person put there is not touched."""
        try:
            self._ingress.drop(self._links.index(name), mac)
        except KernelError as error:
            raise ActionError(f"leaving {mac} out on {name}: {error}") from error

    def unmute(self, name: str, mac: str) -> None:
        """The filter is gone with its interface."""
        try:
            link = self._links.get(name)
            if link is not None:
                self._ingress.let_in(link.index, mac)
        except KernelError as error:
            raise ActionError(f"letting {mac} in on {name}: {error}") from error

    def close(self) -> None:
        """Close the sockets of its own."""
        self._wifi.close()
        self._ingress.close()

    def _enter(self, index: int, home: Home) -> None:
        try:
            radio.enter(index, home.kind, (home.freq_mhz, home.mesh_id), self._wifi)
        except RefusedError as error:
            if error.errno != errno.EALREADY:
                raise

    def _find(self, name: str) -> Radio | None:
        return next((found for found in self._wifi.interfaces() if found.name == name), None)

    def _up(self, own: Radio, radios: tuple[Radio, ...]) -> tuple[str, ...]:
        """Interfaces of its radio that are up; itself in any case."""
        same = (found.name for found in radios if own.phy is not None and found.phy == own.phy)
        links = {name: self._links.get(name) for name in same if name != own.name}
        return (own.name, *(name for name, link in links.items() if link is not None and link.admin_up))


def _beside(freq_mhz: int | None) -> int:
    """A channel of the same band that is not its own, MHz."""
    if freq_mhz is None or freq_mhz < BAND_5_GHZ:
        return next(freq for freq in CHANNELS_2_GHZ if freq != freq_mhz)
    below = freq_mhz - CHANNEL_5_GHZ
    return below if below >= LOWEST_5_GHZ else freq_mhz + CHANNEL_5_GHZ
