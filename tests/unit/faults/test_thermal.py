# SPDX-License-Identifier: Apache-2.0
"""thermal: heat and supply; what is shed, and when it is over."""

from __future__ import annotations

import pytest

from agent.events import Diagnosis
from agent.faults.base import State
from agent.faults.thermal import FAULT
from agent.hostreadings import Heat, Host
from tests.unit.faults.hand import about
from tests.unit.faults.machine import host, lasting, seen

HOT = host(heat=Heat("cpu-thermal", 84.0, 80.0))
WEAK = host(under_voltage=True)
HEAT, POWER = about("thermal", "host/heat"), about("thermal", "host/power")


def at(celsius: float) -> Host:
    return host(heat=Heat("cpu-thermal", celsius, 80.0))


def test_heat_above_the_limit_for_two_readings_is_the_symptom() -> None:
    (found,) = FAULT.symptoms(lasting(HOT, 10))
    assert found.subject == "host/heat"
    assert FAULT.sentence(found) == ("The node is too hot: cpu-thermal is at 84 °C, 80 °C is its limit.")
    assert not FAULT.symptoms(lasting(HOT, 8))
    assert not FAULT.suspicions(lasting(HOT, 8))


def test_a_weak_supply_is_said_and_nothing_is_done() -> None:
    (found,) = FAULT.symptoms(lasting(WEAK, 12))
    assert found.subject == "host/power"
    assert "too little power" in FAULT.sentence(found)
    assert FAULT.ladder(POWER, seen(now=WEAK)) == ()
    assert FAULT.state(POWER, seen(now=WEAK)) is State.PRESENT
    assert FAULT.state(POWER, seen(now=host())) is State.GONE


@pytest.mark.parametrize("now", [host(), host(heat=None, under_voltage=None), None])
def test_well_or_without_sensors_is_no_symptom(now: Host | None) -> None:
    assert not FAULT.symptoms(seen(*[now] * 12, now=now))


@pytest.mark.parametrize(("told", "found"), [(HEAT, HOT), (POWER, WEAK)], ids=["heat", "power"])
def test_what_is_measured_no_more_is_no_fault_for_ever(told: Diagnosis, found: Host) -> None:
    silent = host(heat=None, under_voltage=None)
    for resting in (True, False):
        gone = seen(*[silent] * 20, *[None] * 11, now=silent, resting=resting)
        assert FAULT.state(told, gone) is State.GONE
        for late in (seen(found, *[silent] * 30, now=silent, resting=resting), seen(silent, now=silent)):
            assert FAULT.state(told, late) is not State.GONE, "a reading that fails, or an agent that starts"


def test_the_agent_rests_until_it_is_clearly_cooler() -> None:
    (rest,) = FAULT.ladder(HEAT, seen(now=HOT))
    assert rest.action == "rest"
    assert FAULT.state(HEAT, seen(now=HOT)) is State.PRESENT
    assert FAULT.state(HEAT, seen(now=HOT, resting=True)) is State.CONTAINED
    assert FAULT.state(HEAT, seen(now=None, resting=True)) is State.CONTAINED
    assert FAULT.state(HEAT, seen(now=at(79.0))) is State.CONTAINED
    assert FAULT.state(HEAT, seen(now=at(74.0))) is State.GONE
    assert FAULT.state(HEAT, seen(now=host(heat=None))) is State.PRESENT
    assert FAULT.state(HEAT, seen(now=None)) is State.PRESENT
