# SPDX-License-Identifier: Apache-2.0
"""Remedies of the machine: what they refuse, do, and take back."""

from __future__ import annotations

from typing import Any

import pytest

from agent.events import Remedy
from agent.remedies.base import ActionError, UndoRecord
from agent.remedies.drop_old_logs import ACTION as DROP
from agent.remedies.raise_neighbour_limit import ACTION as RAISE
from agent.remedies.rest import ACTION as REST
from agent.remedies.restart_time_service import ACTION as TIME
from agent.remedies.return_memory import ACTION as MEMORY
from agent.remedies.set_clock_back import ACTION as CLOCK
from agent.remedies.shrink_own_files import ACTION as SHRINK
from agent.remedies.vacuum_journal import ACTION as VACUUM
from tests.unit.faults.hand import NOW
from tests.unit.faults.machine import GOOD, host, seen


class Machine:
    """An effector whose `host` notes what is asked of it."""

    def __init__(self) -> None:
        self.limits = {"arp_cache": (512, 1024)}
        self.done: list[tuple[Any, ...]] = []
        self.memory = 2_000_000

    @property
    def host(self) -> Machine:
        return self

    def shrink_own_files(self) -> int:
        self.done.append(("shrink",))
        return 1

    def vacuum_journal(self, keep: int) -> int:
        self.done.append(("vacuum", keep))
        return 1

    def drop_old_logs(self, path: str, wanted: int, inodes: int) -> int:
        self.done.append(("drop", path, wanted, inodes))
        return 1

    def return_memory(self) -> int:
        return self.memory

    def set_clock(self, offset_s: float) -> None:
        self.done.append(("clock", offset_s))

    def restart_time_service(self, unit: str) -> None:
        self.done.append(("restart", unit))

    def neighbour_limits(self, table: str) -> tuple[int, int] | None:
        return self.limits.get(table)

    def set_neighbour_limits(self, table: str, soft: int, hard: int) -> None:
        self.limits[table] = (soft, hard)

    def rest(self, resting: bool) -> None:
        self.done.append(("rest", resting))


def remedy(action: str, **args: str) -> Remedy:
    return Remedy(action, "host/x", args)


def act(action: Any, **args: str) -> list[tuple[Any, ...]]:
    machine, wanted = Machine(), remedy(action.id, **args)
    assert action.refusal(wanted, seen(now=host())) == ""
    assert action.undo_record(wanted, machine) is None
    action.act(wanted, machine)
    action.undo(UndoRecord(action.id, args), machine)  # changes nothing
    return machine.done


def test_what_cannot_be_taken_back_has_no_undo_record_and_is_done_once() -> None:
    assert act(SHRINK) == [("shrink",)]
    assert act(VACUUM, keep="16") == [("vacuum", 16)]
    assert act(DROP, path="/var/log", wanted="5", inodes="7") == [("drop", "/var/log", 5, 7)]
    assert act(CLOCK, offset="1700000000.000") == [("clock", 1.7e9)]
    assert act(TIME, unit="chrony.service") == [("restart", "chrony.service")]
    assert act(MEMORY) == []


def test_memory_that_makes_no_difference_is_no_remedy() -> None:
    machine = Machine()
    machine.memory = 4096
    with pytest.raises(ActionError, match="4096 bytes"):
        MEMORY.act(remedy("return-memory"), machine)  # type: ignore[arg-type]


def test_the_clock_is_not_put_back_where_it_was_synchronised_meanwhile_or_no_good_time_is_known() -> None:
    wanted = remedy("set-clock-back", offset="1600000000.000")
    assert "synchronised again" in CLOCK.refusal(wanted, seen(now=host(clock=GOOD)))
    assert "no good time" in CLOCK.refusal(wanted, seen(now=host(clock=None)))
    assert "no good time" in CLOCK.refusal(wanted, seen(now=None))


def test_a_second_restart_of_the_time_service_waits_for_its_time() -> None:
    later = remedy("restart-time-service", unit="chrony.service", not_before=str(NOW + 9))
    assert "due in 9 s" in TIME.refusal(later, seen(now=host()))


def test_logs_are_not_removed_from_what_can_only_be_read() -> None:
    wanted = remedy("drop-old-logs", path="/", wanted="5")
    assert "can only be read" in DROP.refusal(wanted, seen(now=host(read_only=("/",))))


LIMIT = remedy("raise-neighbour-limit", table="arp_cache", soft="1024", hard="2048")


def test_limits_are_raised_and_put_back_to_what_they_were() -> None:
    machine: Any = Machine()
    assert RAISE.refusal(LIMIT, seen(now=host())) == ""
    record = RAISE.undo_record(LIMIT, machine)
    assert record is not None
    RAISE.act(LIMIT, machine)
    assert machine.limits["arp_cache"] == (1024, 2048)
    RAISE.undo(record, machine)
    assert machine.limits["arp_cache"] == (512, 1024)
    RAISE.undo(record, machine)
    assert machine.limits["arp_cache"] == (512, 1024)


def test_limits_somebody_set_meanwhile_are_left_alone() -> None:
    machine: Any = Machine()
    record = RAISE.undo_record(LIMIT, machine)
    assert record is not None
    machine.limits["arp_cache"] = (3000, 6000)
    RAISE.undo(record, machine)
    RAISE.act(LIMIT, machine)
    assert machine.limits["arp_cache"] == (3000, 6000)


def test_a_table_that_is_not_there_is_said_and_a_higher_limit_never_lowered() -> None:
    machine: Any = Machine()
    machine.limits.clear()
    assert RAISE.undo_record(LIMIT, machine) is None
    with pytest.raises(ActionError, match="no such table"):
        RAISE.act(LIMIT, machine)
    RAISE.undo(UndoRecord(RAISE.id, {**LIMIT.args, "old_soft": "1", "old_hard": "2"}), machine)
    assert machine.limits == {}
    assert "cannot be read" in RAISE.refusal(LIMIT, seen(now=host(neighbour_tables=())))
    low = remedy("raise-neighbour-limit", table="arp_cache", soft="8", hard="16")
    assert "1024 already" in RAISE.refusal(low, seen(now=host()))


def test_rest_is_undone() -> None:
    machine: Any = Machine()
    record = REST.undo_record(remedy("rest"), machine)
    assert record is not None
    REST.act(remedy("rest"), machine)
    REST.undo(record, machine)
    assert machine.done == [("rest", True), ("rest", False)]
