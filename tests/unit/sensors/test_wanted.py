# SPDX-License-Identifier: Apache-2.0
"""The `wanted` sensor: what the configuration wants, and what was right once."""

from __future__ import annotations

import pytest

from agent.config import Interface, Mesh
from agent.kernel.errors import TimedOutError
from agent.kernel.wifirows import Wiphy
from agent.readings import Link, Radio, Wanted
from agent.sensors.base import SensorError
from agent.sensors.wanted import WantedSensor

A, B, P = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:01"


def link(name: str, mac: str, mtu: int = 1532, kind: str = "") -> Link:
    return Link(name, 7, mac, mtu, True, True, kind)


class System:
    """Links, radios and devices' speeds, in a test's hands."""

    def __init__(self) -> None:
        self.links: tuple[Link, ...] = (link("x0prim", P, kind="dummy"), link("e1", A), link("w1", B))
        self.taken: tuple[int, ...] = (0,)
        self.speeds: dict[str, int | None] = {"e1": 1_000_000}
        self.measured: dict[str, int] = {}

    def dump(self) -> tuple[Link, ...]:
        return self.links

    def interfaces(self) -> tuple[Radio, ...]:
        return tuple(Radio(f"w{phy}", 9, B, "mesh", phy=phy) for phy in self.taken)

    def wiphys(self) -> tuple[Wiphy, ...]:
        return (Wiphy(0, "phy0"),)

    def sensor(self, throughput: str | int = "auto", *, enabled: bool = True) -> WantedSensor:
        wires = (Interface("e1", throughput=throughput), Interface("w1", kind="radio", frequency=2412))  # type: ignore[arg-type]
        mesh = Mesh(interfaces=wires, enabled=enabled)
        return WantedSensor(mesh, self.measured.get, links=self, wifi=self, speed=self.speeds.get)


def read(sensor: WantedSensor, now: float = 0.0) -> dict[str, Wanted]:
    return {one.name: one for one in sensor.read(now)}


def test_wires_radios_and_the_primary_are_told_with_what_is_wanted() -> None:
    found = read(System().sensor())
    assert {name: one.kind for name, one in found.items()} == {
        "x0prim": "primary",
        "e1": "wire",
        "w1": "radio",
    }
    assert found["e1"].mtu == 1532
    assert (found["e1"].throughput_kbit, found["e1"].speed_kbit) == (0, 1_000_000)
    assert found["w1"].throughput_kbit == 0
    assert found["x0prim"].throughput_kbit is None


def test_the_largest_mtu_of_this_run_is_remembered() -> None:
    system = System()
    sensor = system.sensor()
    read(sensor)
    system.links = (link("e1", A, mtu=1400),)
    assert read(sensor)["e1"].was_mtu == 1532
    assert read(system.sensor())["e1"].was_mtu == 1400, "another run knows nothing of it"


def test_an_address_two_of_ours_have_is_not_remembered() -> None:
    system = System()
    sensor = system.sensor()
    read(sensor)
    system.links = (link("x0prim", P), link("e1", B), link("w1", B))
    assert (read(sensor)["e1"].was_mac, read(sensor)["w1"].was_mac) == (A, B)


def test_how_long_a_throughput_is_wanted_begins_anew_with_another() -> None:
    system = System()
    sensor = system.sensor()
    read(sensor, 100.0)
    assert read(sensor, 120.0)["e1"].throughput_age == 20.0
    system.speeds["e1"] = None  # the device says nothing now: a gigabit is assumed
    fresh = read(sensor, 130.0)["e1"]
    assert (fresh.throughput_kbit, fresh.throughput_age) == (1_000_000, 0.0)


@pytest.mark.parametrize(
    ("throughput", "measured", "wanted"),
    [("auto", 20_000, 0), ("measure", 20_000, 20_000), ("measure", None, 0), (5_000, 20_000, 5_000)],
)
def test_a_measurement_counts_only_where_it_is_configured(
    throughput: str | int, measured: int | None, wanted: int
) -> None:
    system = System()
    if measured is not None:
        system.measured["e1"] = measured
    assert read(system.sensor(throughput))["e1"].throughput_kbit == wanted


def test_a_radio_without_its_interface_is_found_by_its_free_phy() -> None:
    system = System()
    sensor = system.sensor()
    read(sensor)
    system.links = (link("e1", A),)
    system.taken = ()
    found = read(sensor)["w1"]
    assert (found.there, found.left_phy) == (False, 0)
    system.taken = (0,)
    assert read(sensor)["w1"].left_phy is None, "the radio serves another interface"
    system.taken = ()
    assert read(system.sensor())["w1"].left_phy is None, "it was never seen in this run"


def test_an_unplugged_wire_is_not_there_and_nothing_is_wanted_of_its_speed() -> None:
    system = System()
    system.links = ()
    found = read(system.sensor())["e1"]
    assert (found.there, found.throughput_kbit) == (False, None)


def test_without_a_mesh_nothing_is_wanted() -> None:
    assert System().sensor(enabled=False).read(0.0) == ()


def test_a_kernel_that_does_not_answer_is_a_sensor_error() -> None:
    system = System()

    def fail(name: str) -> int:
        raise TimedOutError(f"reading the speed of {name}: no answer")

    sensor = WantedSensor(
        Mesh(interfaces=(Interface("e1"),)), system.measured.get, links=system, wifi=system, speed=fail
    )
    with pytest.raises(SensorError, match="speed of e1"):
        sensor.read(0.0)
