# SPDX-License-Identifier: Apache-2.0
"""batman-adv's recorded answers become the readings that batctl showed beside them."""

import errno
import struct

import pytest

from agent.kernel import netlink as nl
from agent.kernel.batadv import BatAdv
from agent.kernel.batadvrows import Attr
from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, NetlinkFormatError, RefusedError
from agent.kernel.genl import CTRL_ATTR_FAMILY_ID
from agent.readings import Gateway, Neighbour, Originator
from tests.unit.kernel.replay import Kernel, answer, done, error, recorded

FAMILY = 36  # batadv's number in the recordings
MESH = 5  # bat0's index in the recording
E2A, E2B = "7a:ee:41:de:cf:73", "ea:b2:51:08:08:ee"  # n2's neighbours there


def family(number: int = FAMILY) -> list[bytes]:
    return [answer(16, struct.pack("=BBH", 1, 2, 0) + nl.u16(CTRL_ATTR_FAMILY_ID, number)), error(0)]


@pytest.fixture
def batadv(kernel: Kernel) -> BatAdv:
    kernel.will_say(*family())
    return BatAdv(lambda index: f"if{index}")


def attributes_of(request: bytes) -> dict[int, bytes]:
    found = nl.attributes(request, 20, len(request))
    return {kind: request[start:end] for kind, (start, end) in found.items()}


def test_the_family_is_looked_up_once_and_the_mesh_read(kernel: Kernel) -> None:
    kernel.will_say(recorded("batadv_family_mesh"))
    mesh = BatAdv().mesh(MESH)
    assert (mesh.name, mesh.index, mesh.algo, mesh.mac) == ("bat0", MESH, "BATMAN_V", "02:78:30:00:00:02")
    assert (mesh.ogm_interval_ms, mesh.hop_penalty, mesh.gw_mode) == (1000, 15, "client")
    assert (mesh.bla, mesh.bonding) == (False, False)
    assert len(kernel.asked) == 2


def test_hardifs_have_their_timers_and_overrides_in_kbit(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_hardifs"))
    rows = batadv.hardifs(MESH)
    assert [
        (row.name, row.index, row.active, row.elp_interval_ms, row.throughput_override_kbit) for row in rows
    ] == [
        ("e2b", 2, True, 150, 54_000),
        ("e2a", 3, True, 500, 100_000),
        ("x0prim", 4, True, 500, 0),
    ]
    assert rows[2].mac == "02:78:30:00:00:02"


def test_neighbours_have_ages_in_seconds_and_throughput_in_kbit(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_neighbours"))
    assert batadv.neighbours(MESH) == (
        Neighbour("e2b", E2B, 0.14, 94_200),
        Neighbour("e2a", E2A, 0.04, 100_000),
    )


def test_who_is_heard_while_the_kernel_answers_was_heard_just_now(kernel: Kernel, batadv: BatAdv) -> None:
    row = bytes(4) + nl.u32(Attr.HARD_IFINDEX, 9) + nl.u32(Attr.LAST_SEEN_MSECS, 2**32 - 4)
    kernel.will_say(answer(FAMILY, row + nl.attribute(Attr.NEIGH_ADDRESS, bytes(6)), 2), done())
    assert [row.last_seen_age for row in batadv.neighbours(MESH)] == [0.0]


def test_originators_list_every_way_and_mark_the_best(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_originators"))
    rows = batadv.originators(MESH)
    assert rows[0] == Originator("02:78:30:00:00:03", E2B, "e2b", 0.808, 77_800, False)
    assert rows[1] == Originator("02:78:30:00:00:03", E2A, "e2a", 0.808, 100_000, True)
    assert {row.mac for row in rows if row.best} == {f"02:78:30:00:00:0{n}" for n in (1, 3, 4)}
    assert len(rows) == 6


def test_gateways_are_in_kbit(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_gateways"))
    assert batadv.gateways(MESH) == (Gateway("02:78:30:00:00:01", E2B, 20_000, 5_000, False, 94_200),)


def test_translations_are_counted(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_tt"))
    assert batadv.tt_counts(MESH) == (4, 12)


def test_a_mesh_without_hardifs_has_no_address_and_empty_tables(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_mesh_without_primary"))
    assert batadv.mesh(6).mac == ""
    # ENOENT, then the family is looked up once more (it is the same), as it was recorded
    kernel.will_say(recorded("batadv_neighbours_without_primary"))
    assert batadv.neighbours(6) == ()


@pytest.mark.parametrize("name", ["batadv_neighbours_gone", "batadv_neighbours_not_a_mesh"])
def test_a_vanished_mesh_is_gone_not_empty(kernel: Kernel, batadv: BatAdv, name: str) -> None:
    kernel.will_say(recorded(name))
    with pytest.raises(InterfaceGoneError, match="neighbours of mesh 5"):
        batadv.neighbours(MESH)


def test_a_mesh_that_vanishes_between_two_parts_of_a_table_is_gone(kernel: Kernel, batadv: BatAdv) -> None:
    rows = recorded("batadv_neighbours")[0]
    kernel.will_say(rows, done(errno.ENODEV))
    with pytest.raises(InterfaceGoneError):
        batadv.neighbours(MESH)


def test_a_missing_module_is_named_with_its_mend(kernel: Kernel) -> None:
    kernel.will_say(recorded("family_missing"))
    with pytest.raises(FamilyMissingError, match="module batman-adv is not loaded: modprobe batman-adv"):
        BatAdv().neighbours(MESH)


def test_a_reloaded_module_is_found_under_its_new_number(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_gateways"))
    batadv.gateways(MESH)
    kernel.will_say(error(errno.ENOENT), *family(FAMILY + 3), recorded("batadv_neighbours"))
    assert len(batadv.neighbours(MESH)) == 2
    assert struct.unpack_from("=H", kernel.asked[-1], 4) == (FAMILY + 3,)


def test_an_interface_of_another_kind_is_no_mesh(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(error(errno.EINVAL))
    with pytest.raises(RefusedError, match="mesh lo: it is no batman-adv interface"):
        batadv.mesh("lo")


def test_a_mesh_that_was_never_there_is_gone(kernel: Kernel, batadv: BatAdv) -> None:
    with pytest.raises(InterfaceGoneError, match="mesh x0nobody: there is no such interface"):
        batadv.mesh("x0nobody")


def test_rows_of_older_kernels_get_their_hardifs_name_by_index(kernel: Kernel, batadv: BatAdv) -> None:
    row = bytes(4) + nl.u32(Attr.HARD_IFINDEX, 9) + nl.u32(Attr.LAST_SEEN_MSECS, 1500)
    row += nl.attribute(Attr.NEIGH_ADDRESS, bytes(6))
    kernel.will_say(answer(FAMILY, row, 2), done())
    assert batadv.neighbours(MESH) == (Neighbour("if9", "00:00:00:00:00:00", 1.5, None),)


@pytest.mark.parametrize("table", ["hardifs", "neighbours", "originators", "gateways"])
def test_a_row_without_what_makes_it_one_is_nonsense(kernel: Kernel, batadv: BatAdv, table: str) -> None:
    kernel.will_say(answer(FAMILY, bytes(4) + nl.u32(Attr.THROUGHPUT, 1), 2), done())
    with pytest.raises(NetlinkFormatError, match="row without"):
        getattr(batadv, table)(MESH)


def test_only_what_is_given_is_set_in_the_kernels_units(kernel: Kernel, batadv: BatAdv) -> None:
    kernel.will_say(recorded("batadv_set_acknowledged"))
    batadv.set_mesh(MESH, ogm_interval_ms=300, gw_mode="server", gw_down_kbit=20_000, bla=False)
    assert attributes_of(kernel.asked[-1]) == {
        Attr.MESH_IFINDEX: struct.pack("=I", MESH),
        Attr.ORIG_INTERVAL: struct.pack("=I", 300),
        Attr.GW_BANDWIDTH_DOWN: struct.pack("=I", 200),
        Attr.GW_MODE: b"\2",
        Attr.BRIDGE_LOOP_AVOIDANCE_ENABLED: b"\0",
    }
    kernel.will_say(error(0))
    batadv.set_hardif(MESH, 3, elp_interval_ms=150, throughput_override_kbit=54_000, hop_penalty=10)
    assert attributes_of(kernel.asked[-1]) == {
        Attr.MESH_IFINDEX: struct.pack("=I", MESH),
        Attr.HARD_IFINDEX: struct.pack("=I", 3),
        Attr.ELP_INTERVAL: struct.pack("=I", 150),
        Attr.THROUGHPUT_OVERRIDE: struct.pack("=I", 540),
        Attr.HOP_PENALTY: b"\x0a",
    }


def test_nothing_given_asks_nothing(kernel: Kernel, batadv: BatAdv) -> None:
    batadv.set_mesh(MESH)
    batadv.set_hardif(MESH, 3)
    assert kernel.asked == []


def test_an_unknown_gateway_mode_is_the_callers_mistake(batadv: BatAdv) -> None:
    with pytest.raises(ValueError, match="off, client, server"):
        batadv.set_mesh(MESH, gw_mode="on")
