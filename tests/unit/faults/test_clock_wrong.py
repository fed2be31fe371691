# SPDX-License-Identifier: Apache-2.0
"""clock-wrong: a jump, a time before any release, a time service that no longer sets it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.faults.base import State, View
from agent.faults.clock_wrong import FAULT
from agent.hostreadings import Clock, Host
from tests.unit.faults.hand import NOW, about, diagnosis
from tests.unit.faults.machine import host, lasting, seen

TIMESYNCD = "systemd-timesyncd.service"
TOLD = about("clock-wrong", "host/clock")


def clock(**changes: Any) -> Host:
    base = Clock(step_s=0.0, trusted_offset=1.7e9, unsynchronised_age=5.0)
    return host(clock=msgspec.structs.replace(base, **changes))


JUMPED = clock(step_s=-7200.0)
LOST = clock(unsynchronised_age=4000.0, service=TIMESYNCD)


def early(view: View) -> View:
    old = msgspec.structs.replace(view.snapshot, wall=1.0e9)
    return msgspec.structs.replace(view, snapshot=old)


def test_a_jump_that_nothing_synchronised_is_the_symptom() -> None:
    (found,) = FAULT.symptoms(lasting(JUMPED, 10))
    assert found.subject == "host/clock"
    assert found.onset == NOW - 10
    assert FAULT.sentence(found) == (
        "The clock is wrong: it jumped 2 hours back and was not synchronised since."
    )
    assert not FAULT.symptoms(lasting(JUMPED, 7))
    assert FAULT.suspicions(lasting(JUMPED, 7))
    assert not FAULT.suspicions(lasting(JUMPED, 20))


@pytest.mark.parametrize(
    "now",
    [
        clock(step_s=899.0),
        clock(step_s=None, trusted_offset=None, unsynchronised_age=None),
        clock(unsynchronised_age=86400.0),  # no time service: a mesh without the Internet
        clock(unsynchronised_age=None, service=TIMESYNCD),  # never was: no Internet yet
        host(clock=None),
        host(),
        None,
    ],
)
def test_little_or_what_nobody_promised_or_the_unread_is_no_symptom(now: Host | None) -> None:
    assert not FAULT.symptoms(seen(*[now] * 12, now=now))


def test_a_jump_is_put_back_to_where_the_monotonic_clock_says() -> None:
    view = lasting(JUMPED, 12)
    (back,) = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    assert (back.action, back.args) == ("set-clock-back", {"offset": "1700000000.000"})


def test_where_a_time_service_runs_it_is_asked_afterwards_and_once_more_later() -> None:
    view = lasting(clock(step_s=3600.0, service=TIMESYNCD), 12)
    back, first, second = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    assert back.action == "set-clock-back"
    assert first.action == second.action == "restart-time-service"
    assert first.args == {"unit": TIMESYNCD}
    assert float(second.args["not_before"]) == NOW + 300


def test_a_time_service_that_has_not_set_it_for_an_hour_is_restarted_and_the_clock_left() -> None:
    view = seen(now=LOST)
    (found,) = FAULT.symptoms(view)
    assert found.onset == NOW - 4000
    assert "systemd-timesyncd.service has not set it for 1 hour" in FAULT.sentence(found)
    assert {remedy.action for remedy in FAULT.ladder(diagnosis(found), view)} == {"restart-time-service"}


def test_a_time_before_any_release_is_said_and_never_guessed_at() -> None:
    view = early(seen(now=host()))
    (found,) = FAULT.symptoms(view)
    assert FAULT.sentence(found) == "The clock is wrong: it shows a time before 2025."
    assert FAULT.ladder(diagnosis(found), view) == ()
    assert FAULT.state(TOLD, view) is State.PRESENT


def test_it_is_gone_when_no_sign_is_left() -> None:
    for now in (JUMPED, LOST, None, host(clock=None)):
        assert FAULT.state(TOLD, seen(now=now)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host())) is State.GONE
