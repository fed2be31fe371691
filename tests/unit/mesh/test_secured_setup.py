# SPDX-License-Identifier: Apache-2.0
"""Setting the mesh up where links are secured: batman-adv gets a macsec device over each interface."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.config import Interface, Mesh
from agent.kernel.errors import RefusedError
from agent.kernel.macsecrows import Sci
from agent.mesh.setup import Setup
from agent.mesh.timers import rest
from agent.meshdevices import MeshDevices
from tests.unit.mesh.macsec import MacsecKernel

MAC = "02:78:30:aa:bb:cc"
MESH = Mesh(interfaces=(Interface("e1"), Interface("e3")))


def devices(*, secured: bool = True) -> MeshDevices:
    return MeshDevices.of(("e1", "e3"), secured=secured)


def setup(
    kernel: MacsecKernel, given: MeshDevices, mesh: Mesh = MESH, speed: int | None = 10_000_000
) -> Setup:
    fake = cast(Any, kernel)
    return Setup(
        mesh, MAC, links=fake, batadv=fake, wifi=fake, speed=lambda _: speed, devices=given, macsec=fake
    )


def ensure(made: Setup, mesh: Mesh = MESH) -> tuple[str, ...]:
    return made.ensure(rest(mesh, 6))


def attached(kernel: MacsecKernel) -> list[str]:
    return [hardif.name for hardif in kernel.hardifs(kernel.index("bat0"))]


def test_batman_adv_gets_the_macsec_devices_and_never_the_interfaces_themselves() -> None:
    kernel = MacsecKernel("e1", "e3")
    assert ensure(setup(kernel, devices())) == ()
    assert attached(kernel) == ["x0prim", "macsec0", "macsec1"]
    assert not [write for write in kernel.writes if write in ("master e1 bat0", "master e3 bat0")]
    assert kernel.mesh("bat0").mac == MAC  # the dummy is the primary all the same
    assert kernel.secys["macsec0"].sci == Sci(kernel.table["e1"].mac)
    assert all(kernel.table[name].admin_up for name in ("e1", "macsec0", "e3", "macsec1"))


def test_the_interface_is_made_so_large_that_the_mesh_has_what_it_wants() -> None:
    kernel = MacsecKernel("e1", "e3")
    ensure(setup(kernel, devices()))
    assert [kernel.table[name].mtu for name in ("e1", "macsec0")] == [1564, 1532]


def test_a_larger_interface_gives_the_mesh_all_it_has() -> None:
    kernel = MacsecKernel("e1", "e3", mtu=1600)
    ensure(setup(kernel, devices()))
    assert [kernel.table[name].mtu for name in ("e1", "macsec0")] == [1600, 1568]


def test_an_interface_that_takes_no_more_is_used_and_that_is_said() -> None:
    kernel = MacsecKernel("e1", "e3")
    kernel.refuse["mtu e1 1564"] = RefusedError("setting the MTU of e1 to 1564", "its driver takes no more")
    (problem,) = ensure(setup(kernel, devices()))
    assert "fragments over e1" in problem
    assert kernel.table["macsec0"].mtu == 1468
    assert "macsec0" in attached(kernel)


@pytest.mark.parametrize(("kind", "speed", "kbit"), [("veth", 10_000_000, 1_000_000), ("", 100_000, 100_000)])
def test_a_wire_is_told_its_speed_which_macsec_does_not_know(kind: str, speed: int, kbit: int) -> None:
    kernel = MacsecKernel("e1", "e3", kind=kind)
    ensure(setup(kernel, devices(), speed=speed))
    assert f"set macsec0 throughput_override_kbit {kbit}" in kernel.writes


def test_a_radio_is_left_to_measure_each_neighbour_through_macsec() -> None:
    mesh = Mesh(interfaces=(Interface("wlan0", kind="radio", frequency=2412),))
    kernel = MacsecKernel()
    kernel.plug_radio("wlan0")
    assert ensure(setup(kernel, MeshDevices.of(("wlan0",), secured=True), mesh), mesh) == ()
    assert attached(kernel) == ["x0prim", "macsec0"]
    assert not [write for write in kernel.writes if "throughput_override" in write]
    joined = next(place for place, write in enumerate(kernel.writes) if write.startswith("join wlan0"))
    assert joined < kernel.writes.index("macsec macsec0 over wlan0")


def test_what_is_right_already_is_not_touched_by_a_new_agent() -> None:
    kernel = MacsecKernel("e1", "e3")
    ensure(setup(kernel, devices()))
    kernel.writes.clear()
    again = setup(kernel, devices())
    assert ensure(again) == ensure(again) == ()
    assert kernel.writes == []


def test_a_macsec_device_that_somebody_deleted_is_there_again() -> None:
    kernel = MacsecKernel("e1", "e3")
    made = setup(kernel, devices())
    ensure(made)
    kernel.unplug("macsec1")
    assert ensure(made) == ()
    assert attached(kernel) == ["x0prim", "macsec0", "macsec1"]


def test_one_that_a_remedy_holds_out_stays_out() -> None:
    kernel = MacsecKernel("e1", "e3")
    made = setup(kernel, devices())
    ensure(made)
    kernel.set_master("macsec0", None)
    kernel.writes.clear()
    assert ensure(made) == ()
    assert kernel.writes == []


def test_from_off_to_required_and_back_nothing_of_the_other_is_left() -> None:
    kernel = MacsecKernel("e1", "e3")
    given = devices(secured=False)
    ensure(setup(kernel, given))
    assert attached(kernel) == ["x0prim", "e1", "e3"]
    given.secured = True
    ensure(setup(kernel, given))
    assert attached(kernel) == ["x0prim", "macsec0", "macsec1"]
    assert kernel.table["e1"].master == 0
    given.secured = False
    ensure(setup(kernel, given))
    assert attached(kernel) == ["x0prim", "e1", "e3"]
    assert "macsec0" not in kernel.table


@pytest.mark.parametrize(
    "settings", [{"encrypt": False}, {"validation": "check"}, {"replay_protect": False}, {"cipher": 1}]
)
def test_a_relic_with_unsafe_settings_is_made_anew(settings: dict[str, object]) -> None:
    kernel = MacsecKernel("e1", "e3")
    ensure(setup(kernel, devices()))
    kernel.relic("macsec0", **settings)
    kernel.writes.clear()
    ensure(setup(kernel, devices()))
    assert kernel.writes[:2] == ["delete macsec0", "macsec macsec0 over e1"]
    assert "macsec0" in attached(kernel)


def test_an_interface_with_another_address_gets_another_channel() -> None:
    """A channel is named by the address: two of one name on a link would be cut."""
    kernel = MacsecKernel("e1", "e3")
    made = setup(kernel, devices())
    ensure(made)
    kernel.set_mac("e1", "02:00:00:00:00:99")
    ensure(made)
    assert kernel.secys["macsec0"].sci == Sci("02:00:00:00:00:99")


def test_with_another_order_in_the_configuration_the_devices_change_places() -> None:
    kernel = MacsecKernel("e1", "e3")
    ensure(setup(kernel, devices()))
    turned = Mesh(interfaces=(Interface("e3"), Interface("e1")))
    assert ensure(setup(kernel, MeshDevices.of(("e3", "e1"), secured=True), turned), turned) == ()
    assert kernel.table["macsec0"].peer_index == kernel.index("e3")
    assert kernel.table["macsec1"].peer_index == kernel.index("e1")


def test_a_persons_own_device_of_that_name_is_left_alone_and_said() -> None:
    kernel = MacsecKernel("e1", "e3", "wan0")
    kernel.create("macsec0", "wan0", Sci("02:00:00:00:00:77"))
    (problem,) = ensure(setup(kernel, devices()))
    assert "lies over wan0" in problem
    assert kernel.secys["macsec0"].sci == Sci("02:00:00:00:00:77")
    assert attached(kernel) == ["x0prim", "macsec1"]


def test_another_kind_of_device_of_that_name_is_left_alone_and_said() -> None:
    kernel = MacsecKernel("e1", "e3", "macsec0")
    (problem,) = ensure(setup(kernel, devices()))
    assert "macsec0 is a veth, not ours" in problem
    assert attached(kernel) == ["x0prim", "macsec1"]


def test_an_interface_that_belongs_elsewhere_is_not_secured() -> None:
    kernel = MacsecKernel("e1", "e3", "br0")
    kernel._change("e1", master=kernel.index("br0"))
    (problem,) = ensure(setup(kernel, devices()))
    assert "e1 belongs to br0" in problem
    assert "macsec0" not in kernel.table


def test_another_primary_is_set_up_around_the_macsec_devices() -> None:
    kernel = MacsecKernel("e1", "e3")
    ensure(setup(kernel, devices()))
    kernel.unplug("x0prim")
    kernel.writes.clear()
    assert ensure(setup(kernel, devices())) == ()
    assert attached(kernel)[0] == "x0prim"
    assert sorted(attached(kernel)[1:]) == ["macsec0", "macsec1"]
