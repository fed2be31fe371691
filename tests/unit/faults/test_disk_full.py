# SPDX-License-Identifier: Apache-2.0
"""disk-full: how much room counts as enough, on disks of every size, and what is removed first."""

from __future__ import annotations

import msgspec
import pytest

from agent.faults.base import State
from agent.faults.disk_full import FAULT, wanted
from agent.hostreadings import Disk
from tests.unit.faults.hand import NOW, about, diagnosis
from tests.unit.faults.machine import MB, host, lasting, seen

FULL = host(disks=(Disk("/", 8000 * MB, 5000 * MB), Disk("/var/log", 1000 * MB, 49 * MB)))
TOLD = about("disk-full", "host/disk")


@pytest.mark.parametrize(
    ("total", "least"),
    [
        (16 * MB, 1.6 * MB),
        (200 * MB, 20 * MB),
        (600 * MB, 32 * MB),
        (2_000 * MB, 100 * MB),
        (1_000_000 * MB, 512 * MB),
    ],
)
def test_what_is_wanted_grows_with_the_disk_within_bounds(total: int, least: float) -> None:
    assert wanted(total) == least


def test_a_full_disk_for_some_seconds_is_the_symptom_and_names_the_file_system() -> None:
    (found,) = FAULT.symptoms(lasting(FULL, 4))
    assert found.subject == "host/disk"
    assert found.onset == NOW - 4
    assert FAULT.sentence(found) == "The disk is full: /var/log has 49 MB of 1.0 GB left."


def test_a_moment_is_only_a_suspicion_and_a_fault_that_lasts_is_none_any_more() -> None:
    assert FAULT.suspicions(lasting(FULL, 1))
    assert not FAULT.symptoms(lasting(FULL, 1))
    assert not FAULT.symptoms(seen(FULL, FULL, FULL, host(), FULL, now=FULL))
    assert not FAULT.suspicions(lasting(FULL, 30))


@pytest.mark.parametrize("now", [host(), host(disks=()), None], ids=["well", "unread disks", "unread"])
def test_room_enough_or_nothing_read_is_no_symptom(now: object) -> None:
    view = seen(now, now, now, now, now, now, now=now)  # type: ignore[arg-type]
    assert not FAULT.suspicions(view)
    assert not FAULT.symptoms(view)


def test_no_inodes_are_no_room_but_a_file_system_without_inodes_is_well() -> None:
    few = host(disks=(Disk("/", 8000 * MB, 5000 * MB, 500_000, 400),))
    (found,) = FAULT.symptoms(lasting(few, 5))
    assert "400 of 500000 inodes left" in FAULT.sentence(found)
    assert not FAULT.symptoms(lasting(host(disks=(Disk("/", 8000 * MB, 5000 * MB, 0, 0),)), 5))


def test_our_own_records_go_first_then_the_journal_then_old_logs_where_it_is_fullest() -> None:
    view = lasting(FULL, 5)
    own, journal, logs = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    assert [own.action, journal.action, logs.action] == [
        "shrink-own-files",
        "vacuum-journal",
        "drop-old-logs",
    ]
    assert logs.args["path"] == "/var/log"
    assert int(logs.args["wanted"]) > 75 * MB  # so that it is gone afterwards


def test_between_full_and_well_the_logs_are_still_asked_for_all_the_room_that_is_wanted() -> None:
    """The journal gave back some: no longer full, and not yet gone."""
    between = host(disks=(Disk("/", 8000 * MB, 5000 * MB), Disk("/var/log", 1000 * MB, 60 * MB)))
    view = seen(now=between)
    assert FAULT.state(TOLD, view) is State.PRESENT
    logs = FAULT.ladder(TOLD, view)[-1]
    assert (logs.args["path"], logs.args["wanted"]) == ("/var/log", str(75 * MB + 1))


def test_the_one_that_is_full_comes_before_one_that_is_nearly_so() -> None:
    nearly = Disk("/", 8000 * MB, 420 * MB)
    few = Disk("/var/log", 1000 * MB, 900 * MB, 500_000, 400)
    logs = FAULT.ladder(TOLD, seen(now=host(disks=(nearly, few))))[-1]
    assert logs.args["path"] == "/var/log"


def test_where_inodes_are_short_so_many_are_asked_for() -> None:
    view = lasting(host(disks=(Disk("/", 8000 * MB, 5000 * MB, 500_000, 400),)), 5)
    logs = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)[-1]
    assert int(logs.args["inodes"]) > 7_500  # one and a half hundredth, so that it is gone afterwards


def test_on_a_card_that_can_only_be_read_nothing_is_deleted() -> None:
    failed = msgspec.structs.replace(FULL, read_only=("/",))
    assert not FAULT.symptoms(lasting(failed, 8))
    assert FAULT.state(TOLD, seen(now=failed)) is State.GONE


def test_it_is_gone_only_when_there_is_clearly_enough() -> None:
    assert FAULT.state(TOLD, seen(now=FULL)) is State.PRESENT
    barely = host(disks=(Disk("/var/log", 1000 * MB, 60 * MB),))
    assert FAULT.state(TOLD, seen(now=barely)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host())) is State.GONE
    assert FAULT.state(TOLD, seen(now=None)) is State.PRESENT
