# SPDX-License-Identifier: Apache-2.0
"""clock-wrong: a jump, a time before any release, a time service that no longer sets it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.faults.base import State, View
from agent.faults.clock_wrong import FAULT
from agent.hostreadings import Clock, Host
from agent.readings import Gateway, Mesh, Uplink, UplinkProbe
from tests.unit.faults.hand import N3, NOW, O3, about, diagnosis, mesh
from tests.unit.faults.machine import host, lasting, seen

TIMESYNCD = "systemd-timesyncd.service"
TOLD = about("clock-wrong", "host/clock")


def clock(**changes: Any) -> Host:
    base = Clock(step_s=0.0, trusted_offset=1.7e9, unsynchronised_age=5.0)
    return host(clock=msgspec.structs.replace(base, **changes))


JUMPED = clock(step_s=-7200.0)
LOST = clock(unsynchronised_age=8000.0, service=TIMESYNCD)
RESTARTING = clock(unsynchronised_age=8000.0, service="")
UNSET = about("clock-wrong", "host/time-service")
GATEWAY = mesh(gateways=(Gateway(O3, N3, 10_000, 10_000),))


def with_gateway(view: View, found: Mesh | None = GATEWAY) -> View:
    return msgspec.structs.replace(view, snapshot=msgspec.structs.replace(view.snapshot, mesh=found))


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


def test_a_time_service_that_has_not_set_it_for_two_hours_is_restarted_once_and_the_clock_left() -> None:
    view = with_gateway(seen(now=LOST))
    (found,) = FAULT.symptoms(view)
    assert (found.subject, found.onset) == ("host/time-service", NOW - 8000)
    said = FAULT.sentence(found)
    assert "not synchronised for 2 hours, though systemd-timesyncd.service runs" in said
    assert "is wrong" not in said, "nobody knows"
    (rung,) = FAULT.ladder(diagnosis(found), view)
    assert (rung.action, rung.args) == ("restart-time-service", {"unit": TIMESYNCD})
    pauses = clock(unsynchronised_age=4100.0, service=TIMESYNCD)
    assert not FAULT.symptoms(with_gateway(seen(now=pauses))), "one question unanswered"


def test_a_mesh_without_a_way_out_has_nobody_who_could_set_a_clock() -> None:
    assert not FAULT.symptoms(with_gateway(seen(now=LOST), mesh()))
    asked = seen(now=LOST)
    probe = UplinkProbe("icmp", "192.0.2.1", False, True, 0, 0.0, 9.0)
    out = msgspec.structs.replace(asked.snapshot, mesh=mesh(), uplink=Uplink("eth0", (probe,)))
    assert FAULT.symptoms(msgspec.structs.replace(asked, snapshot=out)), "this node is the way out"


def test_what_was_not_set_is_not_mended_by_a_gateway_that_vanishes_or_by_the_restart_itself() -> None:
    """A gateway that comes and goes would have the service restarted each time it comes."""
    for now in (with_gateway(seen(now=LOST), mesh()), with_gateway(seen(now=RESTARTING))):
        assert not FAULT.symptoms(now)
        assert FAULT.state(UNSET, now) is State.PRESENT
    found = FAULT.symptoms(with_gateway(seen(now=LOST)))[0]
    (rung,) = FAULT.ladder(diagnosis(found), with_gateway(seen(now=RESTARTING)))
    assert rung.args == {"unit": TIMESYNCD}


def test_a_time_before_any_release_is_said_and_never_guessed_at() -> None:
    view = early(seen(now=host()))
    (found,) = FAULT.symptoms(view)
    assert FAULT.sentence(found) == "The clock is wrong: it shows a time before 2025."
    assert FAULT.ladder(diagnosis(found), view) == ()
    assert FAULT.state(TOLD, view) is State.PRESENT


def test_it_is_gone_when_no_sign_is_left() -> None:
    for now in (JUMPED, None, host(clock=None)):
        assert FAULT.state(TOLD, seen(now=now)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host())) is State.GONE
    for now in (LOST, None, host(clock=None)):
        assert FAULT.state(UNSET, with_gateway(seen(now=now))) is State.PRESENT
    assert FAULT.state(UNSET, with_gateway(seen(now=host()))) is State.GONE
