# SPDX-License-Identifier: Apache-2.0
"""A flood of handshakes is bounded, and keeps out neither neighbours nor, for long, newcomers."""

from __future__ import annotations

import random

from agent.linksec import admission
from agent.linksec.admission import Admission


def test_one_source_has_few_at_once_and_few_a_second() -> None:
    gate = Admission(random.Random(1))
    assert [gate.ask(n, "fe80::1", 0.0)[0] for n in range(3)] == [True, True, False]
    gate.done(0, authenticated=False)
    gate.done(1, authenticated=False)
    taken = 0
    for number in range(10, 110):
        allowed, _ = gate.ask(number, "fe80::1", 0.1)
        gate.done(number, authenticated=False)
        taken += allowed
    assert taken == admission.BURST - 2


def test_half_open_connections_of_many_sources_are_bounded() -> None:
    gate = Admission(random.Random(1))
    taken = sum(gate.ask(n, f"fe80::{n:x}", n * 0.01)[0] for n in range(1, 5000))
    assert gate.half_open <= admission.MAX_HALF_OPEN
    assert taken <= admission.TOTAL_BURST + admission.TOTAL_RATE * 50 + 1
    assert gate.refused + taken == 4999


def test_a_neighbour_that_authenticated_before_gets_in_during_a_flood() -> None:
    gate = Admission(random.Random(1))
    gate.ask(1, "fe80::1", 0.0)
    gate.done(1, authenticated=True)
    for number in range(2, 3000):
        gate.ask(number, f"fe80::f:{number:x}", 1.0 + number * 0.001)
    allowed, victim = gate.ask(9999, "fe80::1", 4.0)
    assert allowed
    assert victim is None


def test_a_newcomer_gets_through_a_flood_that_finishes_nothing() -> None:
    """Its handshake takes 0.1 s; the flood sends a hundred connections a second from ever new addresses."""
    rng = random.Random(7)
    lucky = 0
    for seed in range(20):
        gate = Admission(random.Random(seed))
        number = 1
        for step in range(600):
            number += 1
            gate.ask(number, f"fe80::{rng.getrandbits(48):x}", step * 0.01)
        for attempt in range(40):  # an attempt a second among the flood
            number += 1
            allowed, _ = gate.ask(number, f"fe80::a{attempt:x}", 6.0 + attempt)
            mine = number
            displaced = False
            for step in range(100):
                number += 1
                _, victim = gate.ask(number, f"fe80::{rng.getrandbits(48):x}", 6.0 + attempt + step * 0.01)
                displaced |= victim == mine and step < 10
            if allowed and not displaced:
                lucky += 1
                break
            gate.done(mine, authenticated=False)
    assert lucky >= 18


def test_what_is_remembered_is_bounded() -> None:
    gate = Admission(random.Random(1))
    for number in range(1000):
        gate.remember(f"fe80::{number:x}")
    assert len(gate._known) == admission.MAX_KNOWN
    assert "fe80::3e7" in gate._known
