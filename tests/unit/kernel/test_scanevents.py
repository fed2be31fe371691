# SPDX-License-Identifier: Apache-2.0
"""The end of a scan, as the kernel's notifications tell it; and the group they come through."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from agent.kernel import netlink as nl
from agent.kernel import nl80211
from agent.kernel.errors import NetlinkFormatError, RefusedError
from agent.kernel.genl import CTRL_ATTR_FAMILY_ID, CTRL_ATTR_MCAST_GROUPS
from agent.kernel.nl80211 import CMD_TRIGGER_SCAN, Nl80211
from agent.kernel.scanevents import CMD_NEW_SCAN_RESULTS, CMD_SCAN_ABORTED, scan_ended
from agent.kernel.wifirows import Attr
from tests.unit.kernel.replay import Kernel, answer, error

FAMILY = 28
GROUPS = nl.nested(
    CTRL_ATTR_MCAST_GROUPS,
    nl.nested(1, nl.text(1, "config"), nl.u32(2, 5)),
    nl.nested(2, nl.text(1, "scan"), nl.u32(2, 7)),
)


def told(command: int, ifindex: int) -> bytes:
    return answer(FAMILY, bytes((command, 1, 0, 0)) + nl.u32(Attr.IFINDEX, ifindex))


def test_results_and_a_break_off_on_the_interface_end_the_scan() -> None:
    assert scan_ended(told(CMD_NEW_SCAN_RESULTS, 3), 3) is True
    assert scan_ended(told(CMD_SCAN_ABORTED, 3), 3) is False


def test_what_concerns_another_interface_or_another_matter_does_not() -> None:
    assert scan_ended(told(CMD_NEW_SCAN_RESULTS, 4), 3) is None
    assert scan_ended(told(CMD_TRIGGER_SCAN, 3), 3) is None
    assert scan_ended(told(CMD_TRIGGER_SCAN, 3) + told(CMD_NEW_SCAN_RESULTS, 3), 3) is True


def test_half_a_notification_is_nonsense() -> None:
    with pytest.raises(NetlinkFormatError):
        scan_ended(answer(FAMILY, b"\x22"), 3)


class Listening:
    """Stands where the group's socket would be."""

    def __init__(self, group: int) -> None:
        assert group == 7

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def wait(self, ifindex: int, timeout: float) -> bool:
        assert (ifindex, timeout) == (3, 2.0)
        return True


@pytest.fixture
def wifi(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(nl80211, "ScanEvents", Listening)
    family = answer(16, bytes(4) + nl.u16(CTRL_ATTR_FAMILY_ID, FAMILY) + GROUPS)
    kernel.will_say(family, error(0), family, error(0))  # the group, then the family's number
    return Nl80211()


def test_a_scan_listens_before_it_begins(kernel: Kernel, wifi: Any) -> None:
    kernel.will_say(error(0))
    assert wifi.scan(3, (2462,), 2.0)


def test_a_scan_under_way_is_waited_for(kernel: Kernel, wifi: Any) -> None:
    kernel.will_say(error(errno.EBUSY))
    assert wifi.scan(3, (2462,), 2.0)


def test_a_refusal_is_one(kernel: Kernel, wifi: Any) -> None:
    kernel.will_say(error(errno.EINVAL))
    with pytest.raises(RefusedError):
        wifi.scan(3, (2462,), 2.0)


def test_a_family_without_the_group_is_said(kernel: Kernel) -> None:
    kernel.will_say(answer(16, bytes(4) + nl.u16(CTRL_ATTR_FAMILY_ID, FAMILY)), error(0))
    with pytest.raises(NetlinkFormatError, match="group scan"):
        Nl80211().scan(3, (2462,), 2.0)
