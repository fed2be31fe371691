# SPDX-License-Identifier: Apache-2.0
"""Who dials whom, when again, and how little a flood of beacons achieves."""

from __future__ import annotations

import random

import pytest

from agent.linksec import peers
from agent.linksec.beacon import Beacon
from agent.linksec.errors import Reason
from agent.linksec.peers import Neighbours

MESH, US = b"m" * 8, b"u" * 8
LOW, OWN, HIGH = "fe80::1", "fe80::2", "fe80::3"


def beacon(**how: object) -> Beacon:
    fields = {
        "version": 1, "mesh": MESH, "instance": b"i" * 8, "port": 7078, "suite": "hybrid", "mode": "required",
        "interval_ms": 2000,
    }  # fmt: skip
    return Beacon(**(fields | how))  # type: ignore[arg-type]


@pytest.fixture
def table() -> Neighbours:
    return Neighbours(OWN, MESH, US, "hybrid", random.Random(1))


def dialled(table: Neighbours, now: float) -> list[str]:
    return [address for address, _ in table.due(now)]


def test_the_lower_address_dials_and_the_higher_waits(table: Neighbours) -> None:
    assert table.heard(beacon(), LOW, 0.0)
    assert table.heard(beacon(), HIGH, 0.0)
    assert dialled(table, 0.0) == [HIGH]
    assert dialled(table, peers.DIAL_GRACE) == [LOW], "where the other does not come, we do"


def test_both_ends_agree_who_dials() -> None:
    rng = random.Random(1)
    low, high = (Neighbours(own, MESH, US, "hybrid", rng) for own in (LOW, HIGH))
    assert low.we_dial(HIGH) is not high.we_dial(LOW)
    assert Neighbours("fe80::9", MESH, US, "hybrid", rng).we_dial("fe80::10"), "as numbers, not as text"


def test_a_failure_is_repeated_ever_more_rarely_up_to_a_bound(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    now, pauses = 0.0, []
    for _ in range(12):
        assert dialled(table, now) == [HIGH]
        table.failed(HIGH, Reason.CLOSED, now)
        step = now
        while not table.due(step):
            step += 0.05
        table._table[HIGH].dialling = False
        pauses.append(step - now)
        now = step
    assert pauses[0] <= peers.BACKOFF_FIRST * 1.3
    assert max(pauses) <= peers.BACKOFF_MAX * 1.3
    assert pauses[4] > 4 * pauses[0]


def test_a_refused_certificate_is_not_asked_for_again_at_once(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    dialled(table, 0.0)
    table.failed(HIGH, Reason.CERTIFICATE, 0.0)
    assert not dialled(table, peers.BACKOFF_REFUSED * 0.7)
    assert dialled(table, peers.BACKOFF_REFUSED * 1.3) == [HIGH]


def test_a_neighbour_that_began_anew_is_tried_at_once(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    for _ in range(6):
        table.due(1000.0)
        table.failed(HIGH, Reason.CERTIFICATE, 0.0)
    assert not dialled(table, 1.0)
    assert table.heard(beacon(instance=b"n" * 8), HIGH, 1.0)
    assert dialled(table, 1.0) == [HIGH]


def test_nobody_is_dialled_twice_or_while_linked(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    assert dialled(table, 0.0) == [HIGH]
    assert dialled(table, 5.0) == []
    table.linked(HIGH)
    table.heard(beacon(), HIGH, 50.0)
    assert dialled(table, 50.0) == []
    table.unlinked(HIGH, 50.0)
    assert dialled(table, 50.0 + 1.3 * peers.BACKOFF_FIRST) == [HIGH]


def test_other_meshes_other_suites_and_ourselves_are_passed_over(table: Neighbours) -> None:
    assert not table.heard(beacon(mesh=b"x" * 8), HIGH, 0.0)
    assert not table.heard(beacon(suite="cnsa"), HIGH, 0.0)
    assert not table.heard(beacon(instance=US), HIGH, 0.0)
    assert len(table) == 0
    assert (table.other_mesh, table.other_suite) == (1, 1)


def test_a_flood_of_beacons_is_bounded_in_memory_and_dials_and_displaces_no_link(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    table.linked(HIGH)
    for number in range(5000):
        table.heard(beacon(), f"fe80::beef:{number:x}", 0.001 * number)
    assert len(table) == peers.MAX_NEIGHBOURS
    assert HIGH in table.heard_of()
    assert len(dialled(table, 5.0)) == peers.MAX_DIALS
    assert dialled(table, 5.0) == []


def test_a_silent_neighbour_is_forgotten_unless_linked(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    table.heard(beacon(), LOW, 0.0)
    table.linked(LOW)
    table.expire(2.0 * peers.GONE_INTERVALS + 0.1)
    assert tuple(table.heard_of()) == (LOW,)


def test_a_neighbour_that_knows_our_issuer_is_sent_the_leaf_alone(table: Neighbours) -> None:
    table.heard(beacon(issuers=(b"t" * 8,)), HIGH, 0.0)
    assert table.knows_issuer(HIGH, b"t" * 8, 0.0)
    assert not table.knows_issuer(HIGH, b"other...", 0.0)
    assert not table.knows_issuer(LOW, b"t" * 8, 0.0)


def test_after_a_failure_the_issuer_is_sent_whatever_beacons_say(table: Neighbours) -> None:
    table.heard(beacon(issuers=(b"t" * 8,)), HIGH, 0.0)
    table.doubt_issuer(HIGH, 1.0)
    table.linked(HIGH)
    table.heard(beacon(issuers=(b"t" * 8,), instance=b"n" * 8), HIGH, 2.0)
    assert not table.knows_issuer(HIGH, b"t" * 8, peers.WHOLE)
    assert table.knows_issuer(HIGH, b"t" * 8, 1.0 + peers.WHOLE)


def test_forged_restarts_make_us_dial_at_once_only_once_a_minute(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    tried = []
    for step in range(int(peers.FORGIVE) * 4):
        now = step / 4
        table.heard(beacon(instance=step.to_bytes(8, "big")), HIGH, now)
        if dialled(table, now):
            tried.append(now)
            table.failed(HIGH, Reason.CERTIFICATE, now)
    assert len(tried) <= 7, tried  # the pauses of 5, 10, 20, 30 s, and one that was forgiven
    assert not table.heard(beacon(instance=b"last one"), HIGH, peers.FORGIVE - 0.1)


def test_a_neighbour_that_began_anew_is_said_until_a_channel_stands(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    table.linked(HIGH)
    assert table.restarted(HIGH) is None
    table.heard(beacon(instance=b"j" * 8), HIGH, 7.0)
    table.heard(beacon(instance=b"k" * 8), HIGH, 9.0)
    assert table.restarted(HIGH) == 7.0, "the first says since when"
    table.linked(HIGH)
    assert table.restarted(HIGH) is None
    assert table.restarted(LOW) is None


def test_a_neighbour_that_is_wanted_again_is_dialled_at_once(table: Neighbours) -> None:
    table.heard(beacon(), HIGH, 0.0)
    for now in (0.0, 100.0):
        table.due(now)
        table.failed(HIGH, Reason.CERTIFICATE, now)
    assert dialled(table, 101.0) == []
    table.again(HIGH, 101.0)
    assert dialled(table, 101.0) == [HIGH]
    table.again("fe80::77", 101.0)
    assert dialled(table, 101.0) == []
