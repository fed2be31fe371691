# SPDX-License-Identifier: Apache-2.0
"""rtnetlink's recorded answers become links; changes ask for what they mean."""

import errno
import struct

import pytest

from agent.kernel import netlink as nl
from agent.kernel.errors import InterfaceGoneError, KernelError, NetlinkFormatError, RefusedError
from agent.kernel.events import link_changes, uevent
from agent.kernel.linkrows import IFLA_IFNAME, IFLA_MTU
from agent.kernel.links import ALIAS_MAX, IFLA_IFALIAS, RTM_DELLINK, RTM_NEWLINK, Links
from tests.unit.kernel.replay import Kernel, answer, error, recorded

LO = 1  # the index of `lo` in every namespace


def test_links_have_kind_master_and_counters(kernel: Kernel) -> None:
    kernel.will_say(recorded("route_links"))
    rows = {link.name: link for link in Links().dump()}
    assert set(rows) == {"lo", "e2a", "e2b", "x0prim", "bat0"}
    assert (rows["bat0"].kind, rows["bat0"].master, rows["bat0"].index) == ("batadv", 0, 5)
    assert (rows["x0prim"].kind, rows["x0prim"].mac, rows["x0prim"].mtu) == (
        "dummy",
        "02:78:30:00:00:02",
        1532,
    )
    veth = rows["e2a"]
    assert (veth.kind, veth.master, veth.admin_up, veth.carrier, veth.mac) == (
        "veth", 5, True, True, "e6:71:3a:a5:ca:5d",
    )  # fmt: skip
    assert veth.rx_packets > 0
    assert veth.rx_bytes >= 14 * veth.rx_packets


def test_a_missing_interface_is_none(kernel: Kernel) -> None:
    kernel.will_say(recorded("route_link_gone"))
    assert Links().get("x0nobody") is None


def test_addresses_are_those_of_the_interface(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Links, "_index", lambda _self, _name: 5)
    kernel.will_say(recorded("route_addresses"))
    assert Links().addresses("bat0") == ("10.77.0.2/24", "fe80::4d5:f8ff:fe7d:be03/64")


def test_making_what_exists_is_refused(kernel: Kernel) -> None:
    kernel.will_say(recorded("route_exists"))
    with pytest.raises(RefusedError, match=r"creating batadv interface bat0: .*EEXIST"):
        Links().create_batadv("bat0")


def test_an_address_that_is_there_or_gone_already_is_no_error(kernel: Kernel) -> None:
    kernel.will_say(error(errno.EEXIST), error(errno.EADDRNOTAVAIL), error(errno.EPERM), error(errno.EPERM))
    links = Links()
    links.add_address("lo", "10.77.0.1/24")
    links.delete_address("lo", "10.77.0.1/24")
    with pytest.raises(KernelError, match=r"adding 10\.77\.0\.1/24 on lo"):
        links.add_address("lo", "10.77.0.1/24")
    with pytest.raises(KernelError, match="removing fe80::1/64 on lo"):
        links.delete_address("lo", "fe80::1/64")


def test_up_and_down_touch_only_that_flag(kernel: Kernel) -> None:
    kernel.will_say(error(0), error(0), error(0))
    links = Links()
    links.set_up("lo")
    links.set_down("lo")
    links.set_master("lo", None)
    assert [struct.unpack_from("=iII", asked, 20) for asked in kernel.asked] == [
        (LO, 1, 1),
        (LO, 0, 1),
        (LO, 0, 0),
    ]


@pytest.mark.parametrize("name", ["", "a" * 16, "a/b", "a b"])
def test_a_name_no_interface_can_have_is_refused_before_the_kernel_is_asked(
    kernel: Kernel, name: str
) -> None:
    with pytest.raises(RefusedError, match="1 to 15 bytes"):
        Links().create_dummy(name)
    assert kernel.asked == []


def test_names_and_indices_of_nobody_are_gone() -> None:
    with pytest.raises(InterfaceGoneError, match="x0nobody does not exist"):
        Links().index("x0nobody")
    for index in (999_999, 1 << 40):
        with pytest.raises(InterfaceGoneError, match=f"index {index}"):
            Links().name(index)
    assert Links().name(LO) == "lo"


@pytest.mark.parametrize("raw", [b"", bytes(15), bytes(16)])
def test_a_link_row_that_is_cut_off_or_nameless_is_refused(kernel: Kernel, raw: bytes) -> None:
    kernel.will_say(answer(RTM_NEWLINK, raw, 2))
    with pytest.raises(NetlinkFormatError):
        Links().dump()


def event(kind: int, family: int = 0, mtu: int = 1500) -> bytes:
    info = struct.pack("=BxHiII", family, 1, 7, 0x10001, 0)
    return answer(kind, info + nl.text(IFLA_IFNAME, "e1") + (nl.u32(IFLA_MTU, mtu) if mtu else b""))


def test_changes_are_links_and_a_deleted_one_has_index_0() -> None:
    raw = event(RTM_NEWLINK) + event(RTM_DELLINK)
    there, gone = link_changes(raw, len(raw))
    assert (there.name, there.index, there.admin_up, there.carrier) == ("e1", 7, True, True)
    assert (gone.name, gone.index, gone.admin_up, gone.carrier) == ("e1", 0, False, False)


def test_a_bridges_view_and_wireless_events_change_no_link() -> None:
    raw = event(RTM_DELLINK, family=7) + event(RTM_NEWLINK, mtu=0) + answer(20, b"")
    assert link_changes(raw, len(raw)) == []


def test_a_uevent_is_its_pairs_within_bounds() -> None:
    raw = b"add@/devices/virtual/net/bat7\0ACTION=add\0SUBSYSTEM=net\0INTERFACE=bat7\0nonsense\0"
    assert uevent(raw) == {"ACTION": "add", "SUBSYSTEM": "net", "INTERFACE": "bat7"}
    assert uevent(b"libudev\0\xfe\xed\0ACTION=add") == {}
    many = b"add@/x\0" + b"".join(b"K%d=1\0" % n for n in range(5000))
    assert len(uevent(many)) == 64


def test_an_alias_is_read_and_kept_without_its_nul(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Links, "_index", lambda _self, _name: 2)
    row = struct.pack("=BxHiII", 0, 1, 2, 0, 0) + nl.text(IFLA_IFNAME, "wlan0")
    kernel.will_say(answer(RTM_NEWLINK, row + nl.text(IFLA_IFALIAS, "roof north")), error(0))
    kernel.will_say(answer(RTM_NEWLINK, row), error(0), error(0))
    links = Links()
    assert links.alias("wlan0") == "roof north"
    assert links.alias("wlan0") == ""
    links.set_alias("wlan0", "x" * 300)
    asked = kernel.asked[-1]
    assert nl.get_bytes(asked, nl.attributes(asked, 32, len(asked)), IFLA_IFALIAS) == b"x" * ALIAS_MAX
