# SPDX-License-Identifier: Apache-2.0
"""The `radios` sensor: wireless interfaces, and the stations of those that mesh.

A mesh peer beacons every 102 ms (nl80211.BEACON_TU): its inactivity is the first sign of a dead radio link.
The clients of an access point on the same radio are read too, seldom: they tell that it still receives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Protocol

import msgspec

from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, KernelError
from agent.kernel.nl80211 import Nl80211
from agent.readings import Radio, Station
from agent.sensors.base import SensorError
from agent.sensors.ears import Ears

if TYPE_CHECKING:
    from agent.config import Config
    from agent.sensors.base import Sensor

CALM: Final = 0.25  # s between readings of the stations
ATTENTION: Final = 0.05  # s: half a beacon interval
INTERFACES: Final = 2.0  # s between readings of the interfaces themselves
BACKOFF_MAX: Final = 4.0  # s
MESHING: Final = frozenset({"mesh", "ibss"})
SERVING: Final = "ap"


class RadioReader(Protocol):
    """What of kernel.nl80211.Nl80211 is used."""

    def interfaces(self) -> tuple[Radio, ...]: ...
    def stations(self, ifindex: int) -> tuple[Station, ...]: ...


class RadiosSensor:
    """Reads nl80211."""

    name: ClassVar[str] = "radios"

    def __init__(self, nl80211: RadioReader | None = None) -> None:
        self._nl80211 = nl80211 or Nl80211()
        self._failures = 0
        self._radios: tuple[Radio, ...] = ()
        self._due = 0.0
        self._ears = Ears()

    def period(self, attention: bool) -> float:
        """Seconds between readings; longer after failures, and where no radio meshes."""
        if self._failures:
            return float(min(BACKOFF_MAX, CALM * 2 ** min(self._failures - 1, 8)))
        if not any(radio.kind in MESHING for radio in self._radios):
            return INTERFACES
        return ATTENTION if attention else CALM

    def read(self, now: float) -> tuple[Radio, ...]:
        """Every wireless interface of the namespace; stations of those that mesh, and of their APs."""
        try:
            anew = not self._radios or now >= self._due
            if anew:
                self._radios = self._nl80211.interfaces()
                self._due = now + INTERFACES
                self._ears.forget_others(self._radios)
            meshing = {radio.phy for radio in self._radios if radio.kind in MESHING}
            self._radios = tuple(self._with_stations(radio, meshing, anew, now) for radio in self._radios)
        except KernelError as error:
            self._failures += 1
            self._radios = ()
            raise SensorError(f"radios: {error}") from error
        self._failures = 0
        return tuple(self._ears.told(radio, now) for radio in self._radios)

    def _with_stations(self, radio: Radio, meshing: set[int | None], anew: bool, now: float) -> Radio:
        serves = radio.kind == SERVING and radio.phy is not None and radio.phy in meshing
        if radio.kind not in MESHING and not (serves and anew):
            return radio  # an access point's clients stay as they were read last
        try:
            found = msgspec.structs.replace(radio, stations=self._nl80211.stations(radio.index))
        except InterfaceGoneError:
            self._due = 0.0  # unplugged since the interfaces were read: read them anew next time
            return msgspec.structs.replace(radio, stations=())
        self._ears.listened(found, now)
        return found


def make(config: Config) -> Sensor | None:
    """Applicable where a radio is configured or present; None where there is no Wi-Fi."""
    if any(interface.kind == "radio" for interface in config.mesh.interfaces):
        return RadiosSensor()
    nl80211 = Nl80211()
    try:
        return RadiosSensor(nl80211) if nl80211.interfaces() else None
    except FamilyMissingError:
        return None
    except KernelError:
        return RadiosSensor()  # it says at each reading what is wrong
    finally:
        nl80211.close()
