# SPDX-License-Identifier: Apache-2.0
"""The wall clock against the monotonic one: what is trusted, what is a step."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from agent.sensors.clockwatch import ClockWatch


class Wall:
    """Wall time less the time since boot."""

    def __init__(self, offset: float) -> None:
        self.offset = offset

    def __call__(self) -> float:
        return self.offset


def watch(tmp_path: Path, offset: float = 1000.0) -> tuple[ClockWatch, Wall]:
    wall = Wall(offset)
    return ClockWatch(tmp_path, wall), wall


def test_a_clock_that_never_was_synchronised_has_no_step(tmp_path: Path) -> None:
    seen, wall = watch(tmp_path)
    assert seen.look(False, 0.0).step_s is None
    wall.offset += 1e9  # a board without a battery learns the time
    assert seen.look(None, 5.0).step_s is None
    assert seen.look(False, 10.0).unsynchronised_age is None


def test_a_jump_after_it_was_synchronised_is_a_step_from_the_last_good_time(tmp_path: Path) -> None:
    seen, wall = watch(tmp_path)
    assert seen.look(True, 0.0).step_s == 0.0
    wall.offset = 4600.0
    told = seen.look(False, 5.0)
    assert (told.step_s, told.trusted_offset, told.unsynchronised_age) == (3600.0, 1000.0, 5.0)
    wall.offset = 1000.0
    assert seen.look(False, 10.0).step_s == 0.0


def test_what_a_time_service_sets_is_right(tmp_path: Path) -> None:
    seen, wall = watch(tmp_path)
    seen.look(True, 0.0)
    wall.offset = 4600.0
    told = seen.look(True, 5.0)
    assert (told.step_s, told.trusted_offset, told.unsynchronised_age) == (0.0, 4600.0, 0.0)


def test_a_time_service_is_known_by_what_it_keeps_while_it_runs(tmp_path: Path) -> None:
    seen, _ = watch(tmp_path)
    assert seen.look(True, 0.0).service == ""
    (tmp_path / "chrony").mkdir()
    assert seen.look(True, 0.0).service == "chrony.service"


def stamped(tmp_path: Path, at: float) -> None:
    """The time service has set the clock, at so many seconds of Unix time."""
    stamp = tmp_path / "systemd" / "timesync" / "synchronized"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    os.utime(stamp, (at, at))


def test_when_the_clock_was_set_last_is_the_time_services_word_not_the_kernels(tmp_path: Path) -> None:
    stamped(tmp_path, 5000.0)
    seen = ClockWatch(tmp_path, Wall(1000.0), lambda: 5400.0)
    assert seen.look(True, 9000.0).unsynchronised_age == 400.0
    assert seen.look(True, 16_000.0).unsynchronised_age == 7400.0, "the kernel says so for nine hours"
    stamped(tmp_path, 12_000.0)
    assert seen.look(True, 16_005.0).unsynchronised_age == 0.0


def test_a_restarted_time_service_has_set_nothing_yet(tmp_path: Path) -> None:
    """Its restart removes its folder with the file; the kernel still calls the clock synchronised."""
    stamped(tmp_path, 5000.0)
    folder = tmp_path / "systemd" / "timesync"
    seen = ClockWatch(tmp_path, Wall(1000.0), lambda: 5000.0)
    seen.look(True, 1000.0)
    shutil.rmtree(folder)
    assert seen.look(True, 9000.0).unsynchronised_age == 8000.0, "between its stop and its start"
    folder.mkdir()
    told = seen.look(True, 9005.0)
    assert (told.service, told.unsynchronised_age) == ("systemd-timesyncd.service", 8005.0)
    stamped(tmp_path, 13_010.0)
    assert seen.look(True, 9010.0).unsynchronised_age == 0.0


def test_where_another_service_took_over_the_kernels_word_is_taken(tmp_path: Path) -> None:
    stamped(tmp_path, 5000.0)
    seen = ClockWatch(tmp_path, Wall(1000.0), lambda: 5000.0)
    seen.look(True, 1000.0)
    shutil.rmtree(tmp_path / "systemd")
    (tmp_path / "chrony").mkdir()
    assert seen.look(True, 9000.0).unsynchronised_age == 0.0


def test_a_clock_that_jumps_makes_it_no_older(tmp_path: Path) -> None:
    stamped(tmp_path, 5000.0)
    seen = ClockWatch(tmp_path, Wall(1000.0), lambda: 1e9)
    assert seen.look(True, 300.0).unsynchronised_age == 300.0, "at most since the boot"
    seen = ClockWatch(tmp_path, Wall(1000.0), lambda: 10.0)
    assert seen.look(True, 300.0).unsynchronised_age == 0.0
