# SPDX-License-Identifier: Apache-2.0
"""Leaving one neighbour of an interface out of the mesh: when it may be, what the kernel is told, undo."""

from __future__ import annotations

import errno
from typing import Any, cast

import msgspec
import pytest

from agent.effects.wifi import KernelWifi
from agent.events import Remedy
from agent.faults.base import View
from agent.kernel import netlink as nl
from agent.kernel.ingress import (
    CLSACT,
    ETH_P_BATMAN,
    FLOWER_ETH_SRC,
    FLOWER_ETH_TYPE,
    INGRESS,
    PRIORITY,
    RTM_DELTFILTER,
    RTM_NEWQDISC,
    RTM_NEWTFILTER,
    TCA_OPTIONS,
    TCMSG,
    Ingress,
)
from agent.mapek.recordkinds import FORGOTTEN, MUTING
from agent.readings import Mesh, Originator
from agent.remedies.base import ActionError
from agent.remedies.mute_neighbour import ACTION as MUTE
from tests.unit.faults import radiohand as hand
from tests.unit.faults.hand import N1, N3, O1
from tests.unit.kernel.replay import Kernel, error, kernel
from tests.unit.mesh.kernel import Kernel as Links

__all__ = ["kernel"]
AWAY = Remedy("mute-neighbour", f"hardif/wlan0/{N1}", {"hardif": "wlan0", "neighbour": N1})


class Effects:
    """An effector whose links are told and whose filters go to the told kernel."""

    def __init__(self, *devices: str) -> None:
        self.links = Links(*devices)
        self.wifi = KernelWifi(cast(Any, self.links), cast(Any, self.links), Ingress())


def asked(kernel: Kernel) -> list[tuple[int, tuple[Any, ...]]]:
    """(type, tcmsg) of each request."""
    found = []
    for request in kernel.asked:
        ((kind, _, _, start, _),) = nl.messages(request, len(request))
        found.append((kind, TCMSG.unpack_from(request, start)))
    return found


def test_frames_of_batman_adv_from_this_address_are_dropped_where_they_come_in(kernel: Kernel) -> None:
    effector: Any = Effects("wlan0")
    kernel.will_say(error(0), error(0))
    MUTE.act(AWAY, effector)
    (qdisc, at), (added, head) = asked(kernel)
    index = effector.links.index("wlan0")
    assert (qdisc, at[1], at[3]) == (RTM_NEWQDISC, index, CLSACT)
    assert (added, head[1], head[3], head[4] >> 16) == (RTM_NEWTFILTER, index, INGRESS, PRIORITY)
    request = kernel.asked[-1]
    told = nl.attributes(request, 16 + TCMSG.size, len(request))
    options = nl.attributes(request, *told[TCA_OPTIONS])
    assert nl.get_mac(request, options, FLOWER_ETH_SRC) == N1
    assert nl.get_bytes(request, options, FLOWER_ETH_TYPE) == ETH_P_BATMAN.to_bytes(2, "big")


def test_doing_it_twice_is_doing_it_once(kernel: Kernel) -> None:
    effector: Any = Effects("wlan0")
    kernel.will_say(error(errno.EEXIST), error(errno.EEXIST))
    MUTE.act(AWAY, effector)


def test_the_undo_takes_exactly_that_filter_away(kernel: Kernel) -> None:
    effector: Any = Effects("wlan0")
    record = MUTE.undo_record(AWAY, effector)
    assert record is not None
    kernel.will_say(error(0), error(0), error(0))
    MUTE.act(AWAY, effector)
    MUTE.undo(record, effector)
    (_, _), (_, added), (kind, removed) = asked(kernel)
    assert kind == RTM_DELTFILTER
    assert removed == added, "the same place, the same handle"


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EINVAL, errno.ENODEV])
def test_a_filter_or_interface_that_is_gone_counts_as_put_back(kernel: Kernel, code: int) -> None:
    effector: Any = Effects("wlan0")
    record = MUTE.undo_record(AWAY, effector)
    assert record is not None
    kernel.will_say(error(code))
    MUTE.undo(record, effector)
    effector.links.unplug("wlan0")
    MUTE.undo(record, effector)


def test_what_the_kernel_refuses_is_said(kernel: Kernel) -> None:
    effector: Any = Effects("wlan0")
    record = MUTE.undo_record(AWAY, effector)
    assert record is not None
    kernel.will_say(error(0), error(errno.EOPNOTSUPP))
    with pytest.raises(ActionError, match=f"leaving {N1} out on wlan0"):
        MUTE.act(AWAY, effector)
    kernel.will_say(error(errno.EPERM))
    with pytest.raises(ActionError, match=f"letting {N1} in on wlan0"):
        MUTE.undo(record, effector)
    with pytest.raises(ActionError, match="leaving"):
        MUTE.act(AWAY, cast(Any, Effects()))


def paths(*rows: Originator) -> Mesh:
    meshed = hand.air().mesh
    assert meshed is not None
    return msgspec.structs.replace(
        meshed, originators=(Originator(O1, N1, "wlan0", 0.1, 9, best=True), *rows)
    )


ROUND = Originator(O1, N3, "wlan0", 0.2, 5)
SILENT = hand.radio(stations=(hand.station(N1), hand.station(N3, 0.9)))


def test_a_neighbour_may_be_left_out_where_another_of_the_interface_leads_there() -> None:
    assert MUTE.refusal(AWAY, hand.seen(mesh=paths(ROUND))) == ""


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (hand.seen(mesh=paths()), "no other neighbour"),
        (hand.seen(mesh=None), "not in the mesh"),
        (hand.seen(mesh=paths(Originator(O1, N3, "wlan0", 90.0, 5))), "no other neighbour"),
        (hand.seen(SILENT, mesh=paths(ROUND)), "no other neighbour"),
        (hand.seen(mesh=paths(ROUND), last_neighbours={}), "no other neighbour"),
        (hand.seen(mesh=paths(ROUND), hardifs_wanted=()), "left alone"),
        (hand.seen(mesh=paths(ROUND), muted=frozenset({f"wlan0/{N1}"})), "already"),
    ],
)
def test_a_neighbour_is_kept_where_leaving_it_out_would_make_things_worse(view: View, why: str) -> None:
    assert why in MUTE.refusal(AWAY, view)


def test_its_record_is_void_after_a_reboot() -> None:
    assert MUTE.id in FORGOTTEN & MUTING
