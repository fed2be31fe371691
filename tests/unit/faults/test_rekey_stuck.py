# SPDX-License-Identifier: Apache-2.0
"""rekey-stuck: the key of an interface gets too old, or a neighbour follows no change of it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.faults.base import State
from agent.faults.rekey_stuck import CUT_TIMES, FAULT, JITTER, SLACK_S
from tests.unit.faults.hand import NOW, about, diagnosis
from tests.unit.faults.securehand import LINK, failure, interface, link, other, secured, sight

PERIOD = 600.0
TOO_OLD = PERIOD * JITTER + SLACK_S + 1
STUCK = secured(interfaces=(interface(key_age=TOO_OLD, failures={"kernel": 4}), interface("e3")))


def behind(**changes: Any) -> Any:
    base: dict[str, Any] = {"count": CUT_TIMES, "first_age": 1900.0, "age": 20.0}
    return secured(failures=(failure("rekey", **(base | changes)),))


def test_a_key_older_than_it_may_get_is_stuck() -> None:
    (found,) = FAULT.symptoms(sight(STUCK))
    assert found.subject == "hardif/e1"
    assert found.onset == pytest.approx(NOW - TOO_OLD + PERIOD * JITTER)
    assert found.evidence["failures"] == "kernel 4"
    assert "in use for 12 min, its period is 10 min" in FAULT.sentence(found)


@pytest.mark.parametrize(
    "found",
    [
        secured(),
        secured(interfaces=(interface(key_age=TOO_OLD - 2),)),
        secured(interfaces=(interface(key_age=TOO_OLD),), links=(other(),)),
        secured(interfaces=(interface(key_age=TOO_OLD),), links=(link(held=True), other())),
        secured(interfaces=(interface(key_age=TOO_OLD),), links=(link(state="none"), other())),
        secured(interfaces=(interface(key_age=None),)),
        secured(interfaces=(interface(key_age=TOO_OLD, rekey_period=0.0),)),
        secured(interfaces=(interface(key_age=TOO_OLD, rekey_period=3600.0),)),
    ],
    ids=[
        "well", "still waiting for somebody", "nobody is there", "held", "not up", "no key", "no period told",
        "a longer period",
    ],
)  # fmt: skip
def test_a_key_that_may_still_be_changed_is_not(found: Any) -> None:
    assert not FAULT.symptoms(sight(found))


def test_the_key_is_changed_at_once_and_once_more_later() -> None:
    (found,) = FAULT.symptoms(sight(STUCK))
    first, second = FAULT.ladder(diagnosis(found), sight(STUCK))
    assert (first.action, first.args) == ("rekey-link", {"hardif": "e1"})
    assert second.args["attempt"] == "2"
    assert FAULT.state(diagnosis(found), sight(STUCK)) is State.PRESENT
    assert FAULT.state(diagnosis(found), sight()) is State.GONE


def test_a_neighbour_cut_again_and_again_is_named_and_left_to_its_own_side() -> None:
    (found,) = FAULT.symptoms(sight(behind()))
    assert (found.subject, found.onset) == (LINK, NOW - 1900)
    assert "cut 3 times" in FAULT.sentence(found)
    assert FAULT.ladder(diagnosis(found), sight(behind())) == ()
    assert FAULT.state(diagnosis(found), sight(behind())) is State.PRESENT


@pytest.mark.parametrize(
    "changes",
    [{"count": CUT_TIMES - 1}, {"age": 2 * PERIOD * JITTER + SLACK_S + 1}, {"peer": "fe80::1"}, {"peer": ""}],
    ids=["it was slow", "it follows again", "nobody proved it", "our own"],
)
def test_a_slow_neighbour_or_somebody_unproved_is_not(changes: dict[str, Any]) -> None:
    assert not FAULT.symptoms(sight(behind(**changes)))
    assert FAULT.state(about("rekey-stuck", LINK), sight(behind(**changes))) is State.GONE


def test_without_link_security_there_is_no_key() -> None:
    assert not FAULT.symptoms(sight(security=None))
    assert FAULT.state(about("rekey-stuck", "hardif/e1"), sight(security=None)) is State.GONE
