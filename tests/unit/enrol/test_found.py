# SPDX-License-Identifier: Apache-2.0
"""Issuers heard of: bounded, forgotten in time, and never trusted for being heard."""

from __future__ import annotations

import random

from agent.enrol.found import MAX_FOUND, SILENT, Found
from agent.enrol.messages import Offer
from agent.linksec.beacon import mesh_tag

MESH = mesh_tag("valley.mesh")


def offer(name: str = "hill", *, enrols: bool = True, port: int = 7080, mesh: bytes = MESH) -> Offer:
    return Offer(1, mesh, name, enrols, port)


def found() -> Found:
    return Found(MESH, random.Random(1))


def test_only_issuers_of_the_name_and_for_the_purpose_are_ways() -> None:
    table = found()
    assert table.heard(offer(), "fe80::1", 0.0)
    table.heard(offer(enrols=False), "fe80::2", 0.0)
    table.heard(offer("lake"), "fe80::3", 0.0)
    assert [address for address, _ in table.of("hill", enrols=True, now=1.0)] == ["fe80::1"]
    assert {address for address, _ in table.of("hill", enrols=False, now=1.0)} == {"fe80::1", "fe80::2"}


def test_an_issuer_of_another_mesh_is_counted_and_otherwise_nothing() -> None:
    table = found()
    assert not table.heard(offer(mesh=mesh_tag("other.mesh")), "fe80::1", 0.0)
    assert (table.other_mesh, table.all(0.0)) == (1, [])


def test_a_repeated_word_is_no_news_and_a_changed_one_is() -> None:
    table = found()
    assert table.heard(offer(), "fe80::1", 0.0)
    assert not table.heard(offer(), "fe80::1", 1.0)
    assert table.heard(offer(port=9), "fe80::1", 2.0)
    assert len(table.all(2.0)) == 1


def test_who_is_silent_is_forgotten() -> None:
    table = found()
    table.heard(offer(), "fe80::1", 0.0)
    assert table.all(SILENT)
    assert not table.all(SILENT + 1)


def test_one_that_led_to_an_issuer_is_first_and_survives_a_flood_of_liars() -> None:
    table = found()
    table.heard(offer(), "fe80::1", 0.0)
    table.led("fe80::1", good=True)
    for number in range(10 * MAX_FOUND):
        table.heard(offer(), f"fe80::bad:{number:x}", 1.0)
    ways = [address for address, _ in table.of("hill", enrols=True, now=1.0)]
    assert ways[0] == "fe80::1"
    assert len(ways) == MAX_FOUND


def test_a_stand_in_comes_after_whoever_enrols_even_if_it_was_good() -> None:
    table = found()
    table.heard(offer(enrols=False), "fe80::1", 0.0)
    table.heard(offer(), "fe80::2", 0.0)
    table.led("fe80::1", good=True)
    assert [address for address, _ in table.of("hill", enrols=False, now=0.0)] == ["fe80::2", "fe80::1"]


def test_where_all_are_good_a_newcomer_finds_no_room() -> None:
    table = found()
    for number in range(MAX_FOUND):
        table.heard(offer(), f"fe80::{number:x}", 0.0)
        table.led(f"fe80::{number:x}", good=True)
    assert not table.heard(offer(), "fe80::ffff", 0.0)
    table.led("fe80::3", good=False)
    assert table.heard(offer(), "fe80::ffff", 0.0)
