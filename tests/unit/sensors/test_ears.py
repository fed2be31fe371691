# SPDX-License-Identifier: Apache-2.0
"""When a radio was last heard by whom, also after the kernel has forgotten the stations."""

from __future__ import annotations

import msgspec

from agent.kernel.errors import InterfaceGoneError
from agent.readings import Radio, Station
from agent.sensors.ears import MAX_PEERS, Ears
from agent.sensors.radios import RadiosSensor

A, B, CLIENT = "02:00:00:00:01:00", "02:00:00:00:02:00", "02:00:00:00:99:00"
MESH = Radio("wlan0", 2, "02:00:00:00:00:00", "mesh", 2412, phy=0)
AP = Radio("ap0", 3, "02:00:00:00:00:01", "ap", 2412, phy=0)
FAR = Radio("ap1", 4, "02:00:00:00:05:00", "ap", 5180, phy=1)


class Air:
    """The kernel's stations by interface index."""

    def __init__(self, *radios: Radio) -> None:
        self.radios = radios
        self.stood: dict[int, tuple[Station, ...]] = {}
        self.asked: list[int] = []

    def interfaces(self) -> tuple[Radio, ...]:
        return self.radios

    def stations(self, ifindex: int) -> tuple[Station, ...]:
        self.asked.append(ifindex)
        if ifindex not in self.stood:
            raise InterfaceGoneError("gone")
        return self.stood[ifindex]


def peer(mac: str, age: float, plink: str = "estab") -> Station:
    return Station(mac, age, plink=plink)


def test_a_radio_that_never_heard_anybody_says_so() -> None:
    air = Air(MESH)
    air.stood[2] = ()
    (found,) = RadiosSensor(air).read(10.0)
    assert (found.heard_age, found.peered_age, found.peers) == (None, None, 0)


def test_what_was_heard_is_remembered_when_the_stations_are_gone() -> None:
    air = Air(MESH)
    sensor = RadiosSensor(air)
    air.stood[2] = (peer(A, 0.1), peer(B, 0.3))
    sensor.read(10.0)
    air.stood[2] = ()
    (found,) = sensor.read(16.0)
    assert (round(found.heard_age or 0, 6), round(found.peered_age or 0, 6), found.peers) == (6.1, 6.1, 2)


def test_who_fell_silent_long_before_the_last_one_did_not_fall_silent_with_it() -> None:
    ears = Ears()
    for now, ages in ((10.0, (0.0, 0.0)), (15.0, (0.0, 5.0)), (20.0, (5.0, 10.0))):
        found = msgspec.structs.replace(MESH, stations=tuple(map(peer, (A, B), ages)))
        ears.listened(found, now)
    assert ears.told(MESH, 20.0).peers == 1


def test_a_station_that_is_no_peer_is_heard_all_the_same() -> None:
    air = Air(MESH)
    air.stood[2] = (peer(A, 0.1, "blocked"),)
    (found,) = RadiosSensor(air).read(10.0)
    assert (found.heard_age is not None, found.peered_age) == (True, None)


def test_an_access_points_clients_are_read_with_the_interfaces_where_it_shares_the_meshs_radio() -> None:
    air = Air(MESH, AP, FAR)
    air.stood = {2: (), 3: (peer(CLIENT, 0.5, ""),), 4: (peer(CLIENT, 0.5, ""),)}
    sensor = RadiosSensor(air)
    for second in (10.0, 10.5, 11.0, 12.0):
        found = sensor.read(second)
    assert air.asked.count(3) == 2
    assert 4 not in air.asked
    assert len(found[1].stations) == 1
    assert found[1].heard_age == 0.5


def test_an_unplugged_radio_has_no_stations() -> None:
    air = Air(MESH)
    air.stood[2] = (peer(A, 0.1),)
    sensor = RadiosSensor(air)
    sensor.read(10.0)
    del air.stood[2]
    (found,) = sensor.read(10.5)
    assert found.stations == ()


def test_invented_peers_take_no_more_than_their_room() -> None:
    ears = Ears()
    flood = tuple(peer(f"02:00:00:{n >> 8:02x}:{n & 255:02x}:00", n / 1000) for n in range(MAX_PEERS * 2))
    ears.listened(Radio("wlan0", 2, "02:00:00:00:00:00", "mesh", stations=flood), 10.0)
    assert ears.told(MESH, 10.0).peers <= MAX_PEERS
    ears.forget_others(())
    assert ears.told(MESH, 10.0).heard_age is None
