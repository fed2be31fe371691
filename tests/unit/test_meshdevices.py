# SPDX-License-Identifier: Apache-2.0
"""Which device batman-adv has of an interface: told apart in one place, by the configuration's order."""

from __future__ import annotations

from agent.meshdevices import MeshDevices


def test_an_interface_is_its_own_device_until_links_are_secured() -> None:
    devices = MeshDevices.of(("e1", "wlan0"))
    assert [devices.device(name) for name in ("e1", "wlan0")] == ["e1", "wlan0"]
    devices.secured = True
    assert [devices.device(name) for name in ("e1", "wlan0")] == ["macsec0", "macsec1"]


def test_what_the_kernel_tells_of_a_macsec_device_is_told_of_its_interface() -> None:
    devices = MeshDevices.of(("e1", "wlan0"))
    assert [devices.hardif(name) for name in ("macsec0", "macsec1", "e1", "x0prim")] == [
        "e1", "wlan0", "e1", "x0prim",
    ]  # fmt: skip


def test_what_is_no_mesh_interface_is_left_as_it_is() -> None:
    devices = MeshDevices.of(("e1",), secured=True)
    assert (devices.device("bat0"), devices.macsec("bat0"), devices.hardif("macsec7")) == (
        "bat0",
        "",
        "macsec7",
    )


def test_who_lists_a_macsec_device_keeps_it_for_themselves() -> None:
    devices = MeshDevices.of(("e1", "macsec0"), secured=True)
    assert (devices.device("e1"), devices.hardif("macsec0")) == ("e1", "macsec0")
