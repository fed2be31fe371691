# SPDX-License-Identifier: Apache-2.0
"""The machine as actions may change it: every refusal of the system in words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from agent.effects import disk
from agent.effects.host import KernelHost
from agent.kernel.errors import RefusedError
from agent.kernel.neightables import NeighbourLimits, row
from agent.remedies.base import ActionError


class Tables:
    """The kernel's limits, or a refusal."""

    def __init__(self, refuse: str = "") -> None:
        self.known = {"arp_cache": NeighbourLimits(512, 1024)}
        self.refuse = refuse

    def limits(self) -> dict[str, NeighbourLimits]:
        if self.refuse:
            raise RefusedError(self.refuse)
        return self.known

    def set(self, table: str, limits: NeighbourLimits) -> None:
        if self.refuse:
            raise RefusedError(self.refuse)
        self.known[table] = limits


def machine(tables: Tables | None = None, **given: Any) -> KernelHost:
    return KernelHost(tables=cast(Any, tables or Tables()), **given)


def test_limits_are_read_and_set_by_table() -> None:
    acting = machine()
    assert acting.neighbour_limits("arp_cache") == (512, 1024)
    assert acting.neighbour_limits("other") is None
    acting.set_neighbour_limits("arp_cache", 1024, 2048)
    assert acting.neighbour_limits("arp_cache") == (1024, 2048)


def test_what_the_kernel_refuses_is_an_action_error() -> None:
    acting = machine(Tables("EPERM"))
    with pytest.raises(ActionError, match="EPERM"):
        acting.neighbour_limits("arp_cache")
    with pytest.raises(ActionError, match="EPERM"):
        acting.set_neighbour_limits("arp_cache", 1, 2)


def test_own_files_that_hold_little_make_no_room(tmp_path: Path) -> None:
    assert machine(state_dir=tmp_path, shrink=lambda: 3_000_000).shrink_own_files() == 3_000_000
    with pytest.raises(ActionError, match="gave 10 bytes"):
        machine(state_dir=tmp_path, shrink=lambda: 10).shrink_own_files()


def test_a_journal_that_holds_little_makes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "vacuum_journal", lambda keep: keep)
    assert machine().vacuum_journal(2_000_000) == 2_000_000
    with pytest.raises(ActionError, match="gave 5 bytes"):
        machine().vacuum_journal(5)


def test_memory_that_is_returned_is_told_in_bytes() -> None:
    assert machine().return_memory() >= 0


def test_a_time_service_is_restarted_only_if_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "systemctl"
    path.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked; echo masked >&2; exit ${{FAIL:-0}}\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    machine().restart_time_service("chrony.service")
    assert (tmp_path / "asked").read_text() == "try-restart chrony.service\n"
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(ActionError, match="masked"):
        machine().restart_time_service("chrony.service")


def test_a_clock_that_may_not_be_set_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(clock: int, seconds: float) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("time.clock_settime", refuse)
    with pytest.raises(ActionError, match="setting the clock"):
        machine().set_clock(1.7e9)


def test_the_clock_becomes_the_time_since_boot_plus_the_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr("time.clock_settime", lambda clock, seconds: asked.append(seconds))
    monkeypatch.setattr("agent.kernel.clock.uptime", lambda: 100.0)
    machine().set_clock(1.7e9)
    assert asked == [1.7e9 + 100.0]


def test_rest_is_passed_on() -> None:
    asked: list[bool] = []
    acting = machine(rest=asked.append)
    acting.rest(True)
    acting.rest(False)
    assert asked == [True, False]


def test_a_row_without_limits_is_left_out() -> None:
    assert row(bytearray(4), 0, 4) is None
    assert row(bytearray(2), 0, 2) is None
