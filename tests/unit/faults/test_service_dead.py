# SPDX-License-Identifier: Apache-2.0
"""service-dead: gone, or there and not answering."""

from __future__ import annotations

import pytest

from agent.faults.base import State
from agent.faults.service_dead import FAULT
from agent.mapek.analyse import Analyser
from agent.readings import Service
from tests.unit.faults.hand import NOW, about, diagnosis, snapshot, view

RUNNING = Service("broker", "running", 7)
GONE = Service("broker", "gone", None, "no process", state_age=1.0)
HUNG = Service("broker", "hung", 7, "no CONNACK within 2 s", state_age=0.1, slow_age=6.0)


@pytest.mark.parametrize("service", [GONE, HUNG])
def test_gone_or_hung_is_the_symptom(service: Service) -> None:
    found = FAULT.symptoms(view(snapshot(services=(service,))))
    assert [s.subject for s in found] == ["service/broker"]


def test_the_onset_is_when_it_stopped_answering_and_the_sentence_says_how() -> None:
    symptom = FAULT.symptoms(view(snapshot(services=(HUNG,))))[0]
    assert symptom.onset == pytest.approx(NOW - 6)
    assert FAULT.sentence(symptom) == (
        "The service broker runs (pid 7) but has not answered for 6.0 s: no CONNACK within 2 s."
    )
    gone = FAULT.symptoms(view(snapshot(services=(GONE,))))[0]
    assert FAULT.sentence(gone) == "The service broker is gone since 1.0 s: no process."


def test_running_or_unread_or_unknown_is_no_symptom() -> None:
    for services in (None, (), (RUNNING,), (Service("broker", "unknown"),), (Service("other", "gone"),)):
        assert not FAULT.symptoms(view(snapshot(services=services)))


def test_gone_in_one_reading_or_slow_is_only_a_suspicion() -> None:
    for service in (Service("broker", "gone"), Service("broker", "running", 7, slow_age=1.5)):
        seen = view(snapshot(services=(service,)))
        assert FAULT.suspicions(seen)
        assert not FAULT.symptoms(seen)
    assert not FAULT.suspicions(view(snapshot(services=(RUNNING,))))


def test_it_is_restarted_and_once_more_half_a_minute_later() -> None:
    seen = view(snapshot(services=(GONE,)))
    first, second = FAULT.ladder(diagnosis(FAULT.symptoms(seen)[0]), seen)
    assert first.args == {"service": "broker"}
    assert float(second.args["not_before"]) == NOW + 30


def test_it_is_gone_when_the_service_runs_and_answers_or_is_no_longer_configured() -> None:
    told = about("service-dead", "service/broker")
    assert FAULT.state(told, view(snapshot(services=(RUNNING,)))) is State.GONE
    slow = Service("broker", "running", 7, slow_age=0.5)
    assert FAULT.state(told, view(snapshot(services=(slow,)))) is State.PRESENT
    assert FAULT.state(told, view(snapshot(services=(GONE,)))) is State.PRESENT
    assert FAULT.state(told, view(snapshot(services=None))) is State.PRESENT
    assert FAULT.state(told, view(services_wanted=())) is State.GONE


def test_what_lasts_is_no_longer_suspected_so_that_nothing_is_sampled_in_bursts_for_ever() -> None:
    for lasting in (
        Service("broker", "gone", state_age=60.0, slow_age=60.0),
        Service("broker", "unknown", detail="systemd does not run here", state_age=60.0, slow_age=60.0),
        Service("broker", "hung", 7, state_age=60.0, slow_age=62.0),
    ):
        assert not FAULT.suspicions(view(snapshot(services=(lasting,))))
    just_slow = Service("broker", "running", 7, state_age=3600.0, slow_age=1.0)
    assert FAULT.suspicions(view(snapshot(services=(just_slow,))))


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_unit_that_was_told_to_stop_is_somebody_s_doing(by_hand: bool) -> None:
    service = Service("broker", "gone", None, "no process", state_age=1.0, by_hand=by_hand)
    told = diagnosis(FAULT.symptoms(view(snapshot(services=(service,))))[0])
    assert Analyser([FAULT]).by_person(told) is by_hand
