# SPDX-License-Identifier: Apache-2.0
"""What is done to a radio: scanned, joined anew, switched off and on; put back where that was cut short."""

from __future__ import annotations

import errno
from typing import Any, cast

import msgspec
import pytest

from agent.effects import wifi as effects
from agent.effects.wifi import KernelWifi
from agent.events import Remedy
from agent.kernel.errors import KernelError, RefusedError
from agent.mapek.recordkinds import FORGOTTEN
from agent.remedies.base import ActionError, UndoRecord
from agent.remedies.rejoin_mesh import ACTION as REJOIN
from agent.remedies.restart_radio import ACTION as RESTART
from agent.remedies.scan_radio import ACTION as SCAN
from tests.unit.mesh.kernel import Kernel

MARK = "x0-mesh=2412 x0"
ARGS = {"radio": "wlan0", "not_before": "1000"}


class Air(Kernel):
    """The told kernel with scans, and with an access point on the same radio."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[bool | KernelError] = []
        for name, kind in (("wlan0", "mesh"), ("ap0", "ap"), ("ap1", "ap")):
            self.plug_radio(name, kind)
            self._change(name, admin_up=name != "ap1")
            self.radios[name] = msgspec.structs.replace(self.radios[name], phy=0)
        self.inside["wlan0"] = ("x0", 2412)
        self.aliases["wlan0"] = MARK

    def scan(self, ifindex: int, frequencies: tuple[int, ...], _timeout: float) -> bool:
        self._write(f"scan {self._radio(ifindex).name} {frequencies}")
        end = self.ends.pop(0) if self.ends else True
        if isinstance(end, KernelError):
            raise end
        return end


class Effects:
    """An effector with a radio and nothing else."""

    def __init__(self, air: Air) -> None:
        self.slept: list[float] = []
        self.wifi = KernelWifi(cast(Any, air), cast(Any, air), sleep=self.slept.append)


@pytest.fixture
def air() -> Air:
    return Air()


@pytest.fixture
def effector(air: Air) -> Any:
    return Effects(air)


def remedy(action: str) -> Remedy:
    return Remedy(action, "hardif/wlan0", ARGS)


@pytest.mark.parametrize(
    ("own", "other"), [(2412, 2462), (2462, 2412), (2437, 2412), (5180, 5200), (5240, 5220), (5745, 5725)]
)
def test_a_scan_looks_at_another_channel_of_the_band(air: Air, effector: Any, own: int, other: int) -> None:
    air.inside["wlan0"] = ("x0", own)
    SCAN.act(remedy("scan-radio"), effector)
    assert air.writes == [f"scan wlan0 ({other},)"]


def test_a_channel_the_driver_does_not_know_makes_it_a_scan_of_all(air: Air, effector: Any) -> None:
    air.ends = [RefusedError("scan", "", errno.EINVAL), True]
    SCAN.act(remedy("scan-radio"), effector)
    assert air.writes == ["scan wlan0 (2462,)", "scan wlan0 ()"]


@pytest.mark.parametrize(
    ("end", "why"),
    [(False, "broke the scan off"), (RefusedError("ENETDOWN", "", errno.ENETDOWN), "ENETDOWN")],
)
def test_a_scan_that_came_to_nothing_is_an_error(air: Air, effector: Any, end: Any, why: str) -> None:
    air.ends = [end]
    with pytest.raises(ActionError, match=why):
        SCAN.act(remedy("scan-radio"), effector)


@pytest.mark.parametrize("action", [SCAN, REJOIN, RESTART], ids=lambda action: action.id)
def test_a_radio_that_is_gone_is_an_error_in_words(air: Air, effector: Any, action: Any) -> None:
    air.unplug("wlan0")
    with pytest.raises(ActionError, match="iw dev"):
        action.act(remedy(action.id), effector)


def test_rejoining_leaves_and_joins_the_same_mesh(air: Air, effector: Any) -> None:
    REJOIN.act(remedy("rejoin-mesh"), effector)
    assert air.writes == ["leave wlan0", "join wlan0 mesh x0 2412"]
    assert air.table["wlan0"].admin_up


def test_an_ibss_is_left_and_joined_as_one(air: Air, effector: Any) -> None:
    air.radios["wlan0"] = msgspec.structs.replace(air.radios["wlan0"], kind="ibss")
    REJOIN.act(remedy("rejoin-mesh"), effector)
    assert air.writes == ["leave wlan0", "join wlan0 ibss x0 2412"]


def test_the_keeper_may_have_joined_it_first(
    air: Air, effector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keeper(index: int, refusal: int) -> None:
        air.inside["wlan0"] = ("x0", 2412)  # it saw it out and has joined it

    monkeypatch.setattr(air, "_leave", keeper)
    REJOIN.act(remedy("rejoin-mesh"), effector)
    assert air.inside["wlan0"] == ("x0", 2412)


def test_where_nobody_noted_the_mesh_nothing_is_done(air: Air, effector: Any) -> None:
    air.aliases["wlan0"] = "roof north"
    with pytest.raises(ActionError, match="restart the agent"):
        REJOIN.act(remedy("rejoin-mesh"), effector)
    assert air.writes == []


def test_a_restart_takes_down_what_is_up_of_the_radio_and_brings_it_back(air: Air, effector: Any) -> None:
    RESTART.act(remedy("restart-radio"), effector)
    assert air.writes == ["down wlan0", "down ap0", "up wlan0", "join wlan0 mesh x0 2412", "up ap0"]
    assert not air.table["ap1"].admin_up, "a person had it down"
    assert effector.slept == [effects.OFF_S, effects.SETTLE_S]
    assert RESTART.time_limit > sum(effector.slept)


def test_a_restart_that_fails_half_way_still_brings_the_radio_up(air: Air, effector: Any) -> None:
    air.refuse["down ap0"] = RefusedError("busy", "", errno.EBUSY)
    with pytest.raises(ActionError, match="off: busy"):
        RESTART.act(remedy("restart-radio"), effector)
    assert air.table["wlan0"].admin_up
    assert air.inside["wlan0"] == ("x0", 2412)


@pytest.mark.parametrize("action", [REJOIN, RESTART], ids=lambda action: action.id)
def test_who_is_killed_in_between_is_put_back_by_the_record_alone(
    air: Air, effector: Any, action: Any
) -> None:
    record = action.undo_record(remedy(action.id), effector)
    assert record is not None
    for name in ("wlan0", "ap0"):
        air.set_down(name)
    air.aliases.clear()
    air.writes.clear()
    action.undo(record, effector)
    assert air.writes == ["up wlan0", "join wlan0 mesh x0 2412", "up ap0"]
    air.writes.clear()
    action.undo(record, effector)
    assert air.writes == [], "put back once is put back"


def test_a_radio_that_was_unplugged_counts_as_put_back(air: Air, effector: Any) -> None:
    record = RESTART.undo_record(remedy("restart-radio"), effector)
    assert record is not None
    air.unplug("wlan0")
    air.set_down("ap0")
    RESTART.undo(record, effector)
    assert air.table["ap0"].admin_up


def test_what_cannot_be_put_back_is_said_and_the_rest_is_put_back(air: Air, effector: Any) -> None:
    record = RESTART.undo_record(remedy("restart-radio"), effector)
    assert record is not None
    air.set_down("wlan0")
    air.set_down("ap0")
    air.refuse["up wlan0"] = RefusedError("rfkill", "", errno.ERFKILL)
    with pytest.raises(ActionError, match="on: rfkill"):
        RESTART.undo(record, effector)
    assert air.table["ap0"].admin_up


@pytest.mark.parametrize(
    "args", [{}, {"radio": "wlan0", "kind": "mesh", "freq_mhz": "x", "mesh_id": "", "up": ""}]
)
def test_a_record_that_is_none_is_an_error_in_words(effector: Any, args: dict[str, str]) -> None:
    with pytest.raises(ActionError, match="by hand"):
        RESTART.undo(UndoRecord("restart-radio", args), effector)


def test_a_reboot_makes_their_records_void() -> None:
    assert {REJOIN.id, RESTART.id} <= FORGOTTEN
    assert SCAN.undo_record(remedy("scan-radio"), cast(Any, None)) is None


def test_a_radio_of_which_the_kernel_tells_no_number_is_restarted_alone(air: Air, effector: Any) -> None:
    for name, found in tuple(air.radios.items()):
        air.radios[name] = msgspec.structs.replace(found, phy=None)
    assert effector.wifi.home("wlan0").up == ("wlan0",)
