# SPDX-License-Identifier: Apache-2.0
"""The sensors of radios and links: what they read, how often, and what a failure says."""

from __future__ import annotations

import pytest

from agent.config import Config, Interface, Node
from agent.config import Mesh as MeshConfig
from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, KernelError, RefusedError
from agent.kernel.links import Links
from agent.kernel.nl80211 import Nl80211
from agent.readings import Radio, Station
from agent.sensors import links, radios
from agent.sensors.base import SensorError

CONFIG = Config(node=Node(name="n1"))
PEER = Station("02:00:00:00:01:00", 0.05, -30)


class Wifi:
    """Two interfaces, one that meshes."""

    def __init__(self) -> None:
        self.found: tuple[Radio, ...] = (
            Radio("wlan0", 2, "02:00:00:00:00:00", "mesh"),
            Radio("wlan1", 3, "02:00:00:00:00:09", "ap"),
        )
        self.read = 0
        self.asked: list[int] = []
        self.fails: KernelError | None = None

    def interfaces(self) -> tuple[Radio, ...]:
        self.read += 1
        return self.found

    def stations(self, ifindex: int) -> tuple[Station, ...]:
        self.asked.append(ifindex)
        if self.fails:
            raise self.fails
        return (PEER,)


def test_only_meshing_radios_are_asked_for_stations() -> None:
    wifi = Wifi()
    found = radios.RadiosSensor(wifi).read(0.0)
    assert [radio.stations for radio in found] == [(PEER,), ()]
    assert wifi.asked == [2]


def test_stations_are_read_each_time_and_interfaces_every_two_seconds() -> None:
    wifi = Wifi()
    sensor = radios.RadiosSensor(wifi)
    for n in range(16):
        sensor.read(n * 0.25)
    assert (wifi.read, len(wifi.asked)) == (2, 16)
    assert (sensor.period(False), sensor.period(True)) == (0.25, 0.05)


def test_without_a_meshing_radio_there_is_no_hurry() -> None:
    wifi = Wifi()
    wifi.found = wifi.found[1:]
    sensor = radios.RadiosSensor(wifi)
    sensor.read(0.0)
    assert sensor.period(True) == 2.0


def test_an_unplugged_radio_makes_the_interfaces_be_read_anew() -> None:
    wifi = Wifi()
    sensor = radios.RadiosSensor(wifi)
    sensor.read(0.0)
    wifi.fails = InterfaceGoneError("wlan0")
    assert sensor.read(0.25)[0].stations == ()
    wifi.found = ()
    assert sensor.read(0.5) == ()


def test_a_failure_is_told_and_retried_ever_more_slowly() -> None:
    wifi = Wifi()
    wifi.fails = RefusedError("stations of 2", "try")
    sensor = radios.RadiosSensor(wifi)
    for _ in range(9):
        with pytest.raises(SensorError, match="radios: stations of 2: try"):
            sensor.read(0.0)
    assert sensor.period(True) == radios.BACKOFF_MAX


def test_the_radio_sensor_is_made_where_a_radio_is_configured_or_present(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured = Config(
        node=Node(name="n1"), mesh=MeshConfig(interfaces=(Interface(name="wlan0", kind="radio"),))
    )
    assert radios.make(configured) is not None

    def answers(value: tuple[Radio, ...] | KernelError) -> None:
        def interfaces(_self: Nl80211) -> tuple[Radio, ...]:
            if isinstance(value, KernelError):
                raise value
            return value

        monkeypatch.setattr(Nl80211, "interfaces", interfaces)

    answers(())
    assert radios.make(CONFIG) is None
    answers(FamilyMissingError("no nl80211"))
    assert radios.make(CONFIG) is None
    answers(Wifi().found)
    assert radios.make(CONFIG) is not None
    answers(RefusedError("later"))
    assert radios.make(CONFIG) is not None


def test_links_that_cannot_be_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = links.make(CONFIG)
    assert sensor is not None
    assert (sensor.period(False), sensor.period(True)) == (5.0, 0.25)

    def fails(_self: Links) -> None:
        raise RefusedError("reading the interfaces", "mend")

    monkeypatch.setattr(Links, "dump", fails)
    with pytest.raises(SensorError, match="links: reading the interfaces: mend"):
        sensor.read(0.0)
