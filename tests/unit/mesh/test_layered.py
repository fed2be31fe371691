# SPDX-License-Identifier: Apache-2.0
"""An interface and its macsec device as one: what is read, and what is done to which of the two."""

from __future__ import annotations

import pytest

from agent.kernel.batadv import BatAdv
from agent.kernel.links import Links
from agent.kernel.macsecrows import Sci
from agent.mesh import layered
from agent.mesh.layered import LayeredBatAdv, LayeredLinks, found_devices
from agent.meshdevices import MeshDevices
from agent.readings import Hardif, Link, Neighbour, Originator
from tests.unit.mesh.macsec import MacsecKernel

E1 = Link("e1", 3, "02:00:00:00:00:01", 1600, True, True, "veth", peer_index=9, rx_bytes=1000)
ABOVE = Link(
    "macsec0", 7, "02:00:00:00:00:01", 1568, True, True, "macsec", master=5, peer_index=3, rx_bytes=800
)
BAT = Link("bat0", 5, "02:00:00:00:00:05", 1500, True, True, "batadv")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> MacsecKernel:
    """Links of the process are those of this kernel."""
    made = MacsecKernel("e1", "e3", mtu=1600)
    made.create_batadv("bat0")
    made.create("macsec0", "e1", Sci(made.table["e1"].mac))
    made.writes.clear()
    for name in ("get", "set_up", "set_mtu", "set_master", "set_down", "set_mac"):
        monkeypatch.setattr(Links, name, lambda _self, *args, _name=name: getattr(made, _name)(*args))
    monkeypatch.setattr(Links, "dump", lambda _self: tuple(made.table.values()))
    monkeypatch.setattr(Links, "_index", lambda _self, name: made.index(name))
    monkeypatch.setattr(
        layered, "interface_index", lambda name: made.table[name].index if name in made.table else None
    )
    return made


def links(*, secured: bool = True) -> LayeredLinks:
    return LayeredLinks(MeshDevices.of(("e1", "e3"), secured=secured))


def test_the_two_are_one_row_with_the_interfaces_own_counters_and_the_devices_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Links, "dump", lambda _self: (E1, BAT, ABOVE))
    rows = {row.name: row for row in links().dump()}
    assert sorted(rows) == ["bat0", "e1"]
    found = rows["e1"]
    assert (found.index, found.master, found.mtu, found.rx_bytes) == (7, 5, 1568, 1000)
    assert (found.mac, found.kind) == (E1.mac, "veth")


def test_an_interface_whose_macsec_device_is_switched_off_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    down = Link("macsec0", 7, ABOVE.mac, 1568, False, False, "macsec", 5, 3)
    monkeypatch.setattr(Links, "dump", lambda _self: (E1, down))
    (found,) = links().dump()
    assert not found.admin_up


def test_a_strangers_device_of_that_name_is_not_taken_for_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Link("macsec0", 7, ABOVE.mac, 1568, True, True, "macsec", 5, 8)
    monkeypatch.setattr(Links, "dump", lambda _self: (E1, other))
    assert links().dump() == (E1, other)


def test_reading_one_tells_the_same(kernel: MacsecKernel) -> None:
    found = links().get("e1")
    assert found is not None
    assert (found.name, found.index, found.mtu) == ("e1", kernel.index("macsec0"), 1568)
    assert links().get("e3") == kernel.table["e3"]
    assert links().get("e9") is None


def test_attaching_and_asking_for_the_index_mean_the_device_batman_adv_has(kernel: MacsecKernel) -> None:
    links().set_master("e1", "bat0")
    assert kernel.writes == ["master macsec0 bat0"]
    assert links().index("e1") == kernel.index("macsec0")
    links(secured=False).set_master("e1", "bat0")
    assert kernel.writes[-1] == "master e1 bat0"


def test_switching_on_means_both_and_an_mtu_is_as_the_mesh_sees_it(kernel: MacsecKernel) -> None:
    links().set_up("e1")
    links().set_mtu("e1", 1700)
    assert kernel.writes == ["up e1", "up macsec0", "mtu e1 1732", "mtu macsec0 1700"]


def test_switching_off_and_another_address_mean_the_interface_itself(kernel: MacsecKernel) -> None:
    links().set_down("e1")
    links().set_mac("e1", "02:00:00:00:00:09")
    assert kernel.writes == ["down e1", "mac e1 02:00:00:00:00:09"]


def test_while_the_macsec_device_is_missing_the_interface_can_be_switched_on(kernel: MacsecKernel) -> None:
    links().set_up("e3")
    assert kernel.writes == ["up e3"]


def test_whoever_undoes_goes_by_the_devices_there_are(kernel: MacsecKernel) -> None:
    found = found_devices(Links())
    assert (found.device("e1"), found.device("e3")) == ("macsec0", "e3")


def test_batman_advs_tables_have_the_interfaces_names(monkeypatch: pytest.MonkeyPatch) -> None:
    hardifs = (Hardif("x0prim", 2, BAT.mac, True), Hardif("macsec0", 7, E1.mac, True))
    neighbours = (Neighbour("macsec0", "02:00:00:00:00:02", 0.1),)
    originators = (Originator("02:00:00:00:00:03", "02:00:00:00:00:02", "macsec0", 0.1),)
    monkeypatch.setattr(BatAdv, "hardifs", lambda _self, _index: hardifs)
    monkeypatch.setattr(BatAdv, "neighbours", lambda _self, _index: neighbours)
    monkeypatch.setattr(BatAdv, "originators", lambda _self, _index, _out=0: originators)
    told = LayeredBatAdv(MeshDevices.of(("e1",)))
    assert [(row.name, row.index) for row in told.hardifs(5)] == [("x0prim", 2), ("e1", 7)]
    assert [row.hardif for row in told.neighbours(5)] == ["e1"]
    assert [row.hardif for row in told.originators(5)] == ["e1"]
    plain = LayeredBatAdv(MeshDevices.of(("e9",)))
    monkeypatch.setattr(BatAdv, "neighbours", lambda _self, _index: (Neighbour("e9", E1.mac, 0.1),))
    assert plain.neighbours(5) == (Neighbour("e9", E1.mac, 0.1),)
