# SPDX-License-Identifier: Apache-2.0
"""neighbour-unsecured: whoever speaks in clear is refused and reported, however many they are."""

from __future__ import annotations

import pytest

from agent.faults.base import State
from agent.faults.neighbour_unsecured import FAULT, NAMED_MAX
from tests.unit.faults.hand import N1, NOW, about, diagnosis, peer
from tests.unit.faults.securehand import STRANGER, secured, sight, unsecured


def test_who_had_its_time_and_shows_no_certificate_is_reported() -> None:
    (found,) = FAULT.symptoms(sight(secured(unsecured=(unsecured(),))))
    assert (found.subject, found.onset) == ("hardif/e1", NOW - 12)
    assert STRANGER in FAULT.sentence(found)
    assert not FAULT.ladder(diagnosis(found), sight())


def test_who_may_still_show_itself_is_not() -> None:
    seen = sight(secured(unsecured=(unsecured(refused=False),)))
    assert not FAULT.symptoms(seen)
    assert not FAULT.suspicions(seen)


def test_what_it_calls_itself_is_said_as_its_own_word() -> None:
    heard = (peer("e1", N1, node="roof"),)
    (found,) = FAULT.symptoms(sight(secured(unsecured=(unsecured(mac=N1),)), peers=heard))
    assert f"{N1} (roof, as it calls itself)" in found.evidence["who"]


def test_a_flood_of_invented_neighbours_is_one_fault_an_interface() -> None:
    many = [unsecured(mac=f"02:99:00:00:00:{number:02x}", known_for=10.0 + number) for number in range(64)]
    seen = sight(secured(unsecured=(*many, unsecured(hardif="e3"))))
    first, second = FAULT.symptoms(seen)
    assert (first.subject, second.subject) == ("hardif/e1", "hardif/e3")
    assert first.onset == NOW - 73
    assert first.evidence["who"].count("02:99") == NAMED_MAX
    assert "and 61 more" in first.evidence["who"]


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ((unsecured(),), State.CONTAINED),
        ((unsecured(refused=False),), State.GONE),
        ((unsecured(hardif="e3"),), State.GONE),
        ((), State.GONE),
    ],
    ids=["refused", "it shows itself now", "on another interface", "it has left"],
)
def test_nothing_hangs_on_it_while_it_is_refused(rows: tuple[object, ...], state: State) -> None:
    it = about("neighbour-unsecured", "hardif/e1")
    assert FAULT.state(it, sight(secured(unsecured=rows))) is state


def test_without_link_security_nobody_is_refused() -> None:
    assert FAULT.state(about("neighbour-unsecured", "hardif/e1"), sight(security=None)) is State.GONE
    assert not FAULT.symptoms(sight(security=None))
