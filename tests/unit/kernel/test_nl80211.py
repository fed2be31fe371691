# SPDX-License-Identifier: Apache-2.0
"""nl80211's recorded answers become radios and stations."""

import errno
import struct

import pytest

from agent.kernel import netlink as nl
from agent.kernel.errors import InterfaceGoneError, NetlinkFormatError
from agent.kernel.genl import CTRL_ATTR_FAMILY_ID
from agent.kernel.nl80211 import Nl80211
from agent.kernel.wifirows import Attr, Wiphy, merged
from tests.unit.kernel.replay import Kernel, answer, done, error, recorded

FAMILY = 28


@pytest.fixture
def wifi(kernel: Kernel) -> Nl80211:
    kernel.will_say(answer(16, bytes(4) + nl.u16(CTRL_ATTR_FAMILY_ID, FAMILY)), error(0))
    return Nl80211()


def test_interfaces_have_their_kind_and_channel(kernel: Kernel, wifi: Nl80211) -> None:
    kernel.will_say(recorded("nl80211_interfaces"))
    (radio,) = wifi.interfaces()
    assert (radio.name, radio.kind, radio.freq_mhz, radio.mac) == ("wlan0", "mesh", 2412, "02:00:00:00:00:00")


def test_stations_have_signal_age_and_peering(kernel: Kernel, wifi: Nl80211) -> None:
    kernel.will_say(recorded("nl80211_stations"))
    rows = wifi.stations(2)
    assert {row.mac for row in rows} == {"02:00:00:00:01:00", "02:00:00:00:02:00"}
    assert {(row.signal_dbm, row.plink, row.inactive_age, row.tx_failed) for row in rows} == {
        (-30, "estab", 0.992, 0)
    }
    assert {row.rx_bytes for row in rows} == {313, 493}


def test_a_radios_parts_are_put_together(kernel: Kernel, wifi: Nl80211) -> None:
    kernel.will_say(recorded("nl80211_wiphys"))
    (radio,) = wifi.wiphys()
    assert (radio.name, radio.mesh, radio.ibss) == ("phy0", True, True)
    parts = [Wiphy(0, "phy0", frozenset({"ap"})), Wiphy(1, "phy1"), Wiphy(0, "phy0", frozenset({"ibss"}))]
    assert merged(parts) == (Wiphy(0, "phy0", frozenset({"ap", "ibss"})), Wiphy(1, "phy1"))
    assert not parts[0].mesh


def test_what_has_no_network_device_is_no_interface(kernel: Kernel, wifi: Nl80211) -> None:
    kernel.will_say(answer(FAMILY, bytes(4) + nl.u32(Attr.IFTYPE, 10), 2), done())
    assert wifi.interfaces() == ()


def test_an_unplugged_radio_is_gone(kernel: Kernel, wifi: Nl80211) -> None:
    kernel.will_say(done(errno.ENODEV))
    with pytest.raises(InterfaceGoneError, match="stations of 2"):
        wifi.stations(2)


@pytest.mark.parametrize(
    "row",
    [
        nl.attribute(Attr.MAC, bytes(6)),
        nl.nested(Attr.STA_INFO, nl.u32(1, 5)),
        nl.attribute(Attr.MAC, bytes(6)) + nl.nested(Attr.STA_INFO, nl.u8(7, 200)),
    ],
)
def test_a_station_without_what_makes_it_one_is_nonsense(kernel: Kernel, wifi: Nl80211, row: bytes) -> None:
    kernel.will_say(answer(FAMILY, bytes(4) + row, 2), done())
    with pytest.raises(NetlinkFormatError, match="station"):
        wifi.stations(2)


def test_joining_a_mesh_turns_its_forwarding_off_and_beacons_fast(kernel: Kernel, wifi: Nl80211) -> None:
    kernel.will_say(error(0))
    wifi.join_mesh(2, "x0", 2412)
    asked = kernel.asked[-1]
    found = nl.attributes(asked, 20, len(asked))
    assert nl.get_bytes(asked, found, Attr.MESH_ID) == b"x0"
    assert nl.get_u32(asked, found, Attr.WIPHY_FREQ) == 2412
    assert nl.get_u32(asked, found, Attr.BEACON_INTERVAL) == 100
    assert nl.get_u8(asked, nl.attributes(asked, *found[Attr.MESH_CONFIG]), 19) == 0


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (lambda w: w.set_type(2, "ibss"), 6),
        (lambda w: w.set_mesh_param(2, fwding=False), 29),
        (lambda w: w.leave_mesh(2), 69),
        (lambda w: w.join_ibss(2, "x0", 2412), 43),
        (lambda w: w.leave_ibss(2), 44),
        (lambda w: w.trigger_scan(2, (2412, 2437)), 33),
    ],
)
def test_each_change_is_its_command_on_its_interface(
    kernel: Kernel, wifi: Nl80211, call: object, command: int
) -> None:
    kernel.will_say(error(0))
    call(wifi)  # type: ignore[operator]
    asked = kernel.asked[-1]
    assert asked[16] == command
    assert nl.get_u32(asked, nl.attributes(asked, 20, len(asked)), Attr.IFINDEX) == 2
    assert struct.unpack_from("=H", asked, 4) == (FAMILY,)


@pytest.mark.parametrize("name", ["", "x" * 33])
def test_a_mesh_id_has_1_to_32_bytes(wifi: Nl80211, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 32 bytes"):
        wifi.join_mesh(2, name, 2412)


def test_the_id_of_a_joined_mesh_is_not_told_but_its_channel_and_an_ibss_name_are(
    kernel: Kernel, wifi: Nl80211
) -> None:
    """Recorded of a joined radio: what agent/mesh/joined.py is for."""
    kernel.will_say(recorded("nl80211_interfaces"))
    (radio,) = wifi.interfaces()
    assert (radio.freq_mhz, radio.mesh_id) == (2412, "")
    named = nl.u32(Attr.IFINDEX, 2) + nl.text(Attr.IFNAME, "wlan0") + nl.attribute(Attr.SSID, b"x0")
    kernel.will_say(answer(FAMILY, bytes(4) + named, 2), done())
    (radio,) = wifi.interfaces()
    assert (radio.freq_mhz, radio.mesh_id) == (None, "x0")
