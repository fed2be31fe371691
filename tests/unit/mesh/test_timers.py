# SPDX-License-Identifier: Apache-2.0
"""Timers at rest follow the airtime budget; haste is bounded."""

from __future__ import annotations

import pytest

from agent.config import Interface, Mesh
from agent.mesh.haste import HASTE_S, MAX_A_MINUTE, Haste
from agent.mesh.timers import Rest, control_bytes, rest
from agent.mesh.wanted import primary_mac

WIRES = Mesh(interfaces=(Interface("e1"),))
RADIO = Mesh(interfaces=(Interface("e1"), Interface("wlan0", "radio", frequency=2412)))


def test_the_model_gives_what_was_measured() -> None:
    assert control_bytes(6, 300, 150) == pytest.approx(1095, rel=0.05)


def test_a_small_mesh_of_wires_is_fast() -> None:
    assert rest(WIRES, 6) == Rest(300, 150, 500)


@pytest.mark.parametrize("originators", [1, 10, 100, 200, 1000, 100_000])
def test_the_budget_holds_until_the_default_is_reached(originators: int) -> None:
    found = rest(WIRES, originators)
    assert 300 <= found.ogm_ms <= 1000
    cost = control_bytes(originators, found.ogm_ms, found.wire_elp_ms)
    assert cost <= WIRES.airtime_budget * 1.01 or found.ogm_ms == 1000


def test_more_originators_never_make_it_faster() -> None:
    found = [rest(WIRES, count).ogm_ms for count in range(1, 2000, 50)]
    assert found == sorted(found)


def test_small_changes_are_not_followed() -> None:
    now = rest(WIRES, 40)
    assert now.ogm_ms > 300
    assert rest(WIRES, 44, now) == now
    assert rest(WIRES, 60, now) == rest(WIRES, 60) != now


def test_with_a_radio_messages_cost_at_most_one_and_a_half_times_the_default() -> None:
    found = rest(RADIO, 6)
    assert found.radio_elp_ms == 500
    ratio = control_bytes(6, found.ogm_ms, found.radio_elp_ms) / control_bytes(6, 1000, 500)
    assert 1 < ratio <= 1.5


def test_configured_intervals_stand() -> None:
    assert rest(Mesh(interfaces=(Interface("e1"),), ogm_interval=400, elp_interval=90), 900) == Rest(
        400, 90, 90
    )
    assert rest(Mesh(ogm_interval=40), 5).wire_elp_ms == 20


def test_haste_ends_by_itself() -> None:
    haste = Haste()
    assert haste.ask(10.0)
    assert haste.active(10.0 + HASTE_S - 0.01)
    assert not haste.active(10.0 + HASTE_S)


def test_haste_can_be_prolonged_and_stopped() -> None:
    haste = Haste()
    haste.ask(10.0)
    haste.ask(12.0)
    assert haste.active(14.9)
    haste.stop()
    assert not haste.active(12.1)


def test_haste_is_bounded_a_minute_however_often_it_is_asked_for() -> None:
    haste = Haste()
    times = [step / 10 for step in range(600)]
    hasty = sum(0.1 for now in times if haste.ask(now))
    assert hasty <= HASTE_S * MAX_A_MINUTE + 0.2
    assert haste.ask(61.0)


def test_the_primarys_mac_is_stable_local_and_of_machine_and_name() -> None:
    one = primary_mac(WIRES, "n1", "abc")
    assert one == primary_mac(WIRES, "n1", "abc")
    assert len({one, primary_mac(WIRES, "n2", "abc"), primary_mac(WIRES, "n1", "abd")}) == 3
    assert int(one[:2], 16) & 3 == 2
    assert primary_mac(Mesh(primary_mac="02:78:30:00:00:01"), "n1", "abc") == "02:78:30:00:00:01"


def test_what_others_say_never_uses_the_last_haste_of_a_minute() -> None:
    haste = Haste(4)
    begun = [now for now in range(0, 60, 4) if haste.ask(float(now), foreign=True)]
    assert len(begun) == 4 - 1
    assert haste.ask(50.0), "what this node sees itself"
    assert not haste.ask(58.0), "nor more than the bound"
    assert haste.ask(61.0, foreign=False)
