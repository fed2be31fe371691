# SPDX-License-Identifier: Apache-2.0
"""Neighbours that speak in clear are noticed, given their time, then said to be refused; bounded."""

from __future__ import annotations

from agent.linksec.policy import PATIENCE, LinkPolicy
from agent.linksec.unsecured import FORGET, MAX_KNOWN, Unsecured

MAC = "02:00:00:00:00:02"


def unsecured() -> Unsecured:
    return Unsecured("e1", LinkPolicy("required"))


def heard(made: Unsecured, until: int) -> None:
    for second in range(until + 1):
        made.heard({MAC}, float(second))


def test_whoever_speaks_in_clear_has_its_time_and_is_refused_then() -> None:
    made = unsecured()
    heard(made, 5)
    assert [one.refused for one in made.told(5.0, (), ())] == [False]
    heard(made, int(PATIENCE))
    (found,) = made.told(PATIENCE, (), ())
    assert (found.hardif, found.mac, found.refused, found.known_for) == ("e1", MAC, True, PATIENCE)


def test_whoever_offers_security_or_has_it_is_not_refused() -> None:
    made = unsecured()
    heard(made, 60)
    assert not made.told(60.0, (), (MAC,))[0].refused
    assert not made.told(60.0, (MAC,), ())[0].refused


def test_whoever_falls_silent_is_forgotten() -> None:
    made = unsecured()
    heard(made, 20)
    made.heard((), 20.0 + FORGET)
    assert made.macs() == (MAC,)
    made.heard((), 21.0 + FORGET)
    assert made.macs() == ()


def test_invented_addresses_are_bounded_and_cost_the_longest_silent() -> None:
    made = unsecured()
    made.heard({MAC}, 0.0)
    for number in range(MAX_KNOWN):
        made.heard({f"02:00:00:00:01:{number:02x}"}, 1.0 + number / 100)
    assert len(made.macs()) == MAX_KNOWN
    assert MAC not in made.macs()
