# SPDX-License-Identifier: Apache-2.0
"""memory-pressure: when it is short, who is named, and that only a configured service is ever restarted."""

from __future__ import annotations

import pytest

from agent.faults.base import State
from agent.faults.memory_pressure import FAULT
from agent.hostreadings import Host, Process
from tests.unit.faults.hand import about, diagnosis
from tests.unit.faults.machine import MB, host, lasting, seen

BROKER = Process(77, "mosquitto", 600 * MB)
STRANGER = Process(99, "backup", 700 * MB)
SHORT = host(mem_available=40 * MB, biggest=(BROKER, Process(1, "init", 9 * MB)))
TOLD = about("memory-pressure", "host/memory")


def actions(now: Host) -> list[str]:
    view = lasting(now, 8)
    return [remedy.action for remedy in FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)]


def test_hardly_any_memory_for_some_seconds_is_the_symptom_and_names_the_biggest() -> None:
    (found,) = FAULT.symptoms(lasting(SHORT, 8))
    assert found.subject == "host/memory"
    assert "40 MB of 1.0 GB left; the biggest programs are mosquitto 600 MB" in FAULT.sentence(found)
    assert not FAULT.symptoms(lasting(SHORT, 3))
    assert FAULT.suspicions(lasting(SHORT, 3))
    assert not FAULT.suspicions(lasting(SHORT, 30))


@pytest.mark.parametrize(
    ("changes", "short"),
    [
        ({"mem_available": 100 * MB, "psi_memory": 0.0}, False),
        ({"mem_available": 100 * MB, "psi_memory": 0.3}, True),
        ({"mem_available": 100 * MB, "psi_memory": None}, False),
        ({"mem_available": 200 * MB, "psi_memory": 0.9}, False),
        ({"mem_total": 64 * MB, "mem_available": 7 * MB}, True),
        ({"mem_total": 64 * MB, "mem_available": 9 * MB}, False),
        ({"mem_total": None, "mem_available": None}, False),
    ],
)
def test_stalls_make_little_memory_too_little(changes: dict[str, int], short: bool) -> None:
    assert bool(FAULT.symptoms(lasting(host(**changes), 8))) is short


def test_a_configured_service_that_eats_the_memory_is_restarted_after_our_own_share() -> None:
    assert actions(SHORT) == ["return-memory", "restart-service"]
    view = lasting(SHORT, 8)
    _, restart = FAULT.ladder(TOLD, view)
    assert (restart.subject, restart.args) == ("service/broker", {"service": "broker"})


@pytest.mark.parametrize(
    "biggest",
    [(STRANGER, BROKER), (Process(77, "mosquitto", 200 * MB),), ()],
    ids=["a stranger is bigger", "not that big", "unknown"],
)
def test_nobody_else_is_ever_ended(biggest: tuple[Process, ...]) -> None:
    assert actions(host(mem_available=40 * MB, biggest=biggest)) == ["return-memory"]


def test_a_service_that_is_no_longer_configured_is_left_alone() -> None:
    view = lasting(SHORT, 8, services_wanted=())
    assert [remedy.action for remedy in FAULT.ladder(TOLD, view)] == ["return-memory"]


def test_it_is_gone_only_when_there_is_clearly_enough() -> None:
    assert FAULT.state(TOLD, seen(now=SHORT)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host(mem_available=60 * MB))) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host(mem_available=None))) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=None)) is State.PRESENT
    assert FAULT.state(TOLD, seen(now=host())) is State.GONE
