# SPDX-License-Identifier: Apache-2.0
"""MTU and address of a real interface as actions change them, beside ip(8), and what the sensor remembers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from agent.config import Interface, Mesh
from agent.effects.routing import KernelRouting
from agent.kernel.batadv import BatAdv
from agent.kernel.links import Links
from agent.remedies.base import ActionError
from agent.sensors.wanted import WantedSensor
from tests.integration import netns

pytestmark = pytest.mark.skipif(bool(netns.missing()), reason=netns.missing())
NEW = "02:00:00:00:00:77"


@pytest.fixture
def ends() -> Iterator[tuple[str, str]]:
    with netns.pair("route") as names, netns.inside(names[0]):
        yield names


@pytest.fixture
def acting(ends: tuple[str, str]) -> Iterator[KernelRouting]:
    links = Links()
    made = KernelRouting(links, BatAdv(), lambda: None)
    yield made
    made.close()
    links.close()


def shown(namespace: str) -> dict[str, Any]:
    """e1 as ip(8) shows it."""
    told = subprocess.run(
        ["ip", "-n", namespace, "-j", "link", "show", "e1"], check=True, capture_output=True, timeout=20
    )
    found: dict[str, Any] = json.loads(told.stdout)[0]
    return found


def test_mtu_and_address_are_what_was_asked_for(ends: tuple[str, str], acting: KernelRouting) -> None:
    acting.set_mtu("e1", 1400)
    acting.set_mac("e1", NEW)
    assert (shown(ends[0])["mtu"], shown(ends[0])["address"]) == (1400, NEW)
    assert (acting.mtu("e1"), acting.mac("e1")) == (1400, NEW)
    assert "UP" in shown(ends[0])["flags"]


def test_what_the_driver_refuses_is_said_and_changes_nothing(
    ends: tuple[str, str], acting: KernelRouting
) -> None:
    before = shown(ends[0])
    with pytest.raises(ActionError, match="MTU of e1 to 9999999"):
        acting.set_mtu("e1", 9_999_999)
    with pytest.raises(ActionError, match="address of e1"):
        acting.set_mac("e1", "01:00:5e:00:00:01")  # a group's address is nobody's own
    assert shown(ends[0]) == before
    with pytest.raises(ActionError, match="e9"):
        acting.set_mtu("e9", 1532)
    assert acting.mtu("e9") is None


def test_the_sensor_remembers_what_it_was(ends: tuple[str, str], acting: KernelRouting) -> None:
    sensor = WantedSensor(Mesh(interfaces=(Interface("e1"),)), lambda _: None)
    before = shown(ends[0])
    sensor.read(0.0)
    acting.set_mtu("e1", 1400)
    acting.set_mac("e1", NEW)
    after = next(one for one in sensor.read(5.0) if one.name == "e1")
    assert after.was_mtu == before["mtu"]
    assert after.was_mac == NEW, "it was alone with it: no double"
    assert after.throughput_kbit == 1_000_000, "a veth is no device that knows its speed"
