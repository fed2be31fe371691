# SPDX-License-Identifier: Apache-2.0
"""root-readonly: recognised and said; nothing is ever tried."""

from __future__ import annotations

from agent.faults.base import State
from agent.faults.root_readonly import FAULT
from tests.unit.faults.hand import about
from tests.unit.faults.machine import host, lasting, seen

GONE = host(root_read_only=True, read_only=("/", "/var/lib/x0"))
TOLD = about("root-readonly", "host/root")


def test_a_file_system_that_went_read_only_is_the_symptom_at_once() -> None:
    (found,) = FAULT.symptoms(seen(now=GONE))
    assert found.subject == "host/root"
    assert "/, /var/lib/x0 can only be read" in FAULT.sentence(found)
    assert FAULT.symptoms(lasting(GONE, 20))


def test_well_or_unread_is_no_symptom() -> None:
    for now in (host(), None):
        assert not FAULT.symptoms(seen(now=now))
        assert not FAULT.suspicions(seen(now=now))


def test_nothing_is_tried() -> None:
    assert FAULT.ladder(TOLD, seen(now=GONE)) == ()


def test_it_is_gone_when_it_can_be_written_again() -> None:
    assert FAULT.state(TOLD, seen(now=GONE)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=None)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host(root_read_only=None))) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host())) is State.GONE
