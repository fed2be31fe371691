# SPDX-License-Identifier: Apache-2.0
"""Setting the mesh up: order, idempotence, and what is left alone."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent.config import Interface, Mesh
from agent.configgateway import Gateway
from agent.kernel.errors import RefusedError
from agent.mesh.setup import Setup
from agent.mesh.timers import rest
from agent.mesh.wanted import hardif_mac, mesh_mac
from tests.unit.mesh.kernel import Kernel

MAC = "02:78:30:aa:bb:cc"
WIRES = (Interface("e1"), Interface("e3"))


def setup(kernel: Kernel, mesh: Mesh, speed: int | None = 10_000_000) -> Setup:
    fake = cast(Any, kernel)
    return Setup(mesh, MAC, links=fake, batadv=fake, wifi=fake, speed=lambda _: speed)


def mesh(**changes: Any) -> Mesh:
    return Mesh(**{"interfaces": WIRES, "address": ("10.77.0.1/24",), **changes})


def ensure(made: Setup, wanted: Mesh) -> tuple[str, ...]:
    return made.ensure(rest(wanted, 6))


def test_from_nothing_the_primary_is_attached_first_and_everything_once() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    assert ensure(made, mesh()) == ()
    masters = [w for w in kernel.writes if w.startswith("master")]
    assert masters == ["master x0prim bat0", "master e1 bat0", "master e3 bat0"]
    assert kernel.writes.index("up x0prim") < kernel.writes.index("master x0prim bat0")
    assert kernel.mesh("bat0").mac == MAC
    assert {w for w in kernel.writes if "mtu" in w} == {"mtu x0prim 1532", "mtu e1 1532", "mtu e3 1532"}
    assert {"set bla False", "set hop_penalty 30", "up bat0", "address bat0 10.77.0.1/24"} <= set(
        kernel.writes
    )


def test_a_wire_gets_its_elp_interval_and_a_throughput_a_veth_cannot_tell() -> None:
    kernel = Kernel("e1", "e3")
    wanted = mesh(interfaces=(Interface("e1"), Interface("e3", throughput=50_000)))
    ensure(setup(kernel, wanted), wanted)
    assert {
        "set e1 elp_interval_ms 150",
        "set e1 throughput_override_kbit 1000000",
        "set e3 throughput_override_kbit 50000",
    } <= set(kernel.writes)


@pytest.mark.parametrize(("speed", "override"), [(1_000_000, False), (None, True)])
def test_hardware_that_tells_its_speed_is_left_to_batman_adv(speed: int | None, override: bool) -> None:
    kernel = Kernel("e1", "e3", kind="")
    ensure(setup(kernel, mesh(), speed), mesh())
    assert ("set e1 throughput_override_kbit 1000000" in kernel.writes) is override


def test_bonding_is_switched_on_where_it_is_wanted() -> None:
    kernel = Kernel("e1", "e3")
    ensure(setup(kernel, mesh(bonding=True)), mesh(bonding=True))
    assert "set bonding True" in kernel.writes


def test_a_mesh_that_is_right_is_not_touched_by_a_new_agent() -> None:
    kernel = Kernel("e1", "e3")
    ensure(setup(kernel, mesh()), mesh())
    kernel.writes.clear()
    again = setup(kernel, mesh())
    assert ensure(again, mesh()) == ()
    assert kernel.writes == []


def test_a_mesh_with_another_primary_is_built_anew_around_ours() -> None:
    kernel = Kernel("e1", "e3")
    kernel.create_batadv("bat0")
    kernel.set_master("e1", "bat0")
    kernel.writes.clear()
    ensure(setup(kernel, mesh()), mesh())
    masters = [w for w in kernel.writes if w.startswith("master")]
    assert masters == ["master e1 None", "master x0prim bat0", "master e1 bat0", "master e3 bat0"]
    assert kernel.mesh("bat0").mac == MAC


def test_a_stranger_in_that_mesh_is_in_it_again_afterwards() -> None:
    kernel = Kernel("e1", "e3", "usb0")
    kernel.create_batadv("bat0")
    kernel.set_master("usb0", "bat0")
    ensure(setup(kernel, mesh()), mesh())
    attached = {hardif.name for hardif in kernel.hardifs(kernel.index("bat0"))}
    assert attached == {"x0prim", "usb0", "e1", "e3"}
    assert kernel.mesh("bat0").mac == MAC


def test_a_mesh_interface_made_again_has_its_address_again() -> None:
    macs = []
    for _ in range(2):
        kernel = Kernel("e1")
        ensure(setup(kernel, mesh()), mesh())
        macs.append(kernel.table["bat0"].mac)
    assert macs[0] == macs[1] == mesh_mac(MAC) != MAC
    assert int(macs[0][:2], 16) & 3 == 2  # unicast, locally administered


def test_after_set_up_a_detached_interface_is_left_to_the_faults() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    kernel.set_master("e1", None)
    kernel.writes.clear()
    assert ensure(made, mesh()) == ()
    assert kernel.writes == []


def test_an_interface_that_comes_back_under_a_new_index_is_set_up_again() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    kernel.unplug("e1")
    assert "e1 is not there" in ensure(made, mesh())[0]
    kernel.plug("e1")
    assert ensure(made, mesh()) == ()
    assert "master e1 bat0" in kernel.writes[-6:]


def test_settings_batman_adv_forgot_are_told_again() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    kernel.set_master("e1", "bat0")  # somebody took it out and put it back
    kernel.writes.clear()
    ensure(made, mesh())
    assert kernel.writes == ["set e1 elp_interval_ms 150", "set e1 throughput_override_kbit 1000000"]


def test_a_throughput_somebody_else_set_is_left_to_the_faults() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    bat = kernel.index("bat0")
    kernel.set_hardif(bat, kernel.index("e1"), throughput_override_kbit=1000)
    kernel.writes.clear()
    assert ensure(made, mesh()) == ()
    assert kernel.writes == []
    assert made.settings["e1"].throughput_override_kbit == 1_000_000, "what it is told when it comes back"


def test_another_throughput_is_told_when_another_is_wanted() -> None:
    kernel = Kernel("e1")
    measured: dict[str, int] = {}
    wanted = mesh(interfaces=(Interface("e1", throughput="measure"),))
    fake = cast(Any, kernel)
    made = Setup(wanted, MAC, links=fake, batadv=fake, wifi=fake, speed=lambda _: None, measured=measured.get)
    ensure(made, wanted)
    kernel.writes.clear()
    measured["e1"] = 20_000
    ensure(made, wanted)
    assert kernel.writes == ["set e1 throughput_override_kbit 20000"]


def test_of_two_interfaces_with_one_address_the_later_gets_its_own_at_set_up() -> None:
    kernel = Kernel("e1", "e3")
    kernel._change("e3", mac=kernel.table["e1"].mac)
    made = setup(kernel, mesh())
    assert ensure(made, mesh()) == ()
    assert [w for w in kernel.writes if w.startswith("mac ")] == [f"mac e3 {hardif_mac(MAC, 'e3')}"]
    assert kernel.writes.index(f"mac e3 {hardif_mac(MAC, 'e3')}") < kernel.writes.index("master e3 bat0")


def test_an_address_that_cannot_be_changed_is_said_and_the_interface_used() -> None:
    kernel = Kernel("e1", "e3")
    kernel._change("e3", mac=kernel.table["e1"].mac)
    kernel.refuse[f"mac e3 {hardif_mac(MAC, 'e3')}"] = RefusedError("the driver keeps its address")
    made = setup(kernel, mesh())
    assert ["e3 has the address of e1" in p for p in ensure(made, mesh())] == [True]
    assert "master e3 bat0" in kernel.writes


def test_a_mesh_switched_off_stays_so_until_the_set_up_is_asked_for_again() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    kernel._change("bat0", admin_up=False)
    kernel.set_master("e1", None)  # a remedy holds it out
    kernel.writes.clear()
    ensure(made, mesh())
    assert kernel.writes == []
    made.again()
    ensure(made, mesh())
    assert kernel.writes == ["up bat0"], "and nothing else is touched"


def test_a_removed_mesh_interface_is_made_again_with_everything() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    kernel.unplug("bat0")
    for name in ("x0prim", "e1", "e3"):
        kernel._change(name, master=0)
    kernel.addressed.clear()
    kernel.writes.clear()
    assert ensure(made, mesh()) == ()
    assert next(w for w in kernel.writes if w.startswith("master")) == "master x0prim bat0"
    assert "address bat0 10.77.0.1/24" in kernel.writes


def test_what_a_person_switched_off_later_stays_off() -> None:
    kernel = Kernel("e1", "e3")
    made = setup(kernel, mesh())
    ensure(made, mesh())
    kernel._change("e1", admin_up=False)
    kernel.writes.clear()
    ensure(made, mesh())
    assert kernel.writes == []


def test_an_interface_of_a_bridge_is_not_taken_but_said() -> None:
    kernel = Kernel("e1", "e3", "br0")
    kernel._change("e1", master=kernel.index("br0"))
    made = setup(kernel, mesh())
    problems = ensure(made, mesh())
    assert ["e1 belongs to br0" in p for p in problems] == [True]
    assert "master e3 bat0" in kernel.writes


def test_a_device_whose_mtu_cannot_be_raised_carries_the_mesh_all_the_same() -> None:
    kernel = Kernel("e1", "e3")
    kernel.refuse["mtu e1 1532"] = RefusedError("setting the MTU of e1 to 1532: EINVAL")
    made = setup(kernel, mesh())
    problems = ensure(made, mesh())
    assert ["fragments over e1" in p for p in problems] == [True]
    assert "master e1 bat0" in kernel.writes


@pytest.mark.parametrize(
    ("there", "said"),
    [("bat0", "not batman-adv"), ("x0prim", "is no dummy")],
)
def test_a_name_taken_by_another_kind_of_device_is_said_and_nothing_is_attached(
    there: str, said: str
) -> None:
    kernel = Kernel("e1", "e3", there)
    made = setup(kernel, mesh())
    assert said in ensure(made, mesh())[0]
    assert not made.core_ready
    assert not [w for w in kernel.writes if w.startswith("master")]


def test_a_mesh_of_another_algorithm_is_said() -> None:
    kernel = Kernel("e1", "e3")
    kernel.create_batadv("bat0", "BATMAN_IV")
    assert "runs BATMAN_IV" in ensure(setup(kernel, mesh()), mesh())[0]


def test_gateway_mode_is_set_with_its_speeds() -> None:
    kernel = Kernel("e1", "e3")
    server = mesh(gateway=Gateway("server", down=50_000, up=5_000))
    ensure(setup(kernel, server), server)
    assert {"set gw_mode server", "set gw_down_kbit 50000", "set gw_up_kbit 5000"} <= set(kernel.writes)
    kernel = Kernel("e1", "e3")
    client = mesh(gateway=Gateway("client"))
    ensure(setup(kernel, client), client)
    assert "set gw_mode client" in kernel.writes


def test_bridge_loop_avoidance_is_on_only_where_a_lan_is_bridged() -> None:
    kernel = Kernel("e1", "e3")
    bridged = mesh(lan_bridged=True)
    ensure(setup(kernel, bridged), bridged)
    assert kernel.mesh("bat0").bla


RADIO = Interface("wlan0", kind="radio", mesh_id="x0", frequency=2412)


def radio_node(*changes: Interface) -> tuple[Kernel, Mesh]:
    kernel = Kernel("e1")
    kernel.plug_radio("wlan0")
    return kernel, mesh(interfaces=(Interface("e1"), *(changes or (RADIO,))))


def test_a_radio_node_that_is_right_is_not_touched_by_a_new_agent() -> None:
    kernel, wanted = radio_node()
    assert ensure(setup(kernel, wanted), wanted) == ()
    kernel.writes.clear()
    again = setup(kernel, wanted)
    assert ensure(again, wanted) == ()
    assert kernel.writes == []
    assert "wlan0" in again.settings


@pytest.mark.parametrize(
    "changed",
    [
        Interface("wlan0", kind="radio", mesh_id="other", frequency=2412),
        Interface("wlan0", kind="radio", mesh_id="x0", frequency=2437),
    ],
)
def test_a_radios_changed_mesh_id_or_frequency_is_applied_and_it_stays_in_the_mesh(
    changed: Interface,
) -> None:
    kernel, wanted = radio_node()
    ensure(setup(kernel, wanted), wanted)
    kernel.writes.clear()
    _, wanted = radio_node(changed)
    assert ensure(setup(kernel, wanted), wanted) == ()
    assert kernel.inside["wlan0"] == (changed.mesh_id, changed.frequency)
    assert not [write for write in kernel.writes if write.startswith("master")]


def test_a_mesh_interface_made_anew_gets_its_radio_back_which_is_not_joined_again() -> None:
    kernel, wanted = radio_node()
    made = setup(kernel, wanted)
    ensure(made, wanted)
    kernel.unplug("bat0")
    for name in ("x0prim", "e1", "wlan0"):
        kernel._change(name, master=0)
    kernel.writes.clear()
    assert ensure(made, wanted) == ()
    assert "master wlan0 bat0" in kernel.writes
    assert not [write for write in kernel.writes if write.startswith(("join", "leave", "alias"))]


def test_a_radio_that_was_down_and_is_up_again_joins_its_mesh_again() -> None:
    kernel, wanted = radio_node()
    made = setup(kernel, wanted)
    ensure(made, wanted)
    kernel.set_down("wlan0")
    kernel.writes.clear()
    assert ensure(made, wanted) == ()
    assert kernel.writes == [], "what a person switched off stays off"
    kernel._change("wlan0", admin_up=True)
    assert ensure(made, wanted) == ()
    assert kernel.inside["wlan0"] == ("x0", 2412)


def test_a_radio_whose_mtu_cannot_be_raised_joins_all_the_same() -> None:
    kernel, wanted = radio_node()
    kernel.refuse["mtu wlan0 1532"] = RefusedError("setting the MTU of wlan0 to 1532: EINVAL")
    problems = ensure(setup(kernel, wanted), wanted)
    assert ["fragments over wlan0" in problem for problem in problems] == [True]
    assert kernel.inside["wlan0"] == ("x0", 2412)
