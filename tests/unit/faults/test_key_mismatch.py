# SPDX-License-Identifier: Apache-2.0
"""key-mismatch: a channel stands, and none of the neighbour's packets can be read."""

from __future__ import annotations

from typing import Any

import pytest

from agent.faults.base import State
from agent.faults.key_mismatch import FAULT, SECOND_TRY_S
from agent.securityreadings import SecuredLink
from tests.unit.faults.hand import N1, NOW, about, diagnosis, view
from tests.unit.faults.securehand import LINK, P1, link, readings, seen, sight

READ = link(rx_ok=1000, rx_bad=0)
DEAF = (READ, link(rx_ok=1000, rx_bad=10), link(rx_ok=1000, rx_bad=20))


def test_packets_that_none_of_can_be_read_are_a_mismatch() -> None:
    (found,) = FAULT.symptoms(readings(*DEAF))
    assert found.subject == LINK
    assert found.onset == NOW - 10
    assert f"20 packets of {P1} on e1, none read" in FAULT.sentence(found)


@pytest.mark.parametrize(
    "links",
    [
        (READ, READ, READ),
        (READ, link(rx_ok=1200, rx_bad=10), link(rx_ok=1400, rx_bad=20)),
        (READ, link(rx_ok=1000, rx_bad=3), link(rx_ok=1000, rx_bad=7)),
        (READ, link(rx_ok=1000, rx_bad=90), link(rx_ok=1001, rx_bad=99)),
        (link(rx_ok=1000, rx_bad=500), link(rx_ok=1000, rx_bad=2)),
        tuple(link(rx_ok=1000, rx_bad=each.rx_bad, held=True) for each in DEAF),
        tuple(link(rx_ok=1000, rx_bad=each.rx_bad, state="none") for each in DEAF),
        tuple(link(rx_ok=1000, rx_bad=each.rx_bad, age=2.0) for each in DEAF),
        tuple(link(rx_ok=None, rx_bad=None) for _ in DEAF),
        (None, link(rx_ok=0, rx_bad=50)),
        (link(peer="spiffe://tal/node/before", rx_bad=0), link(rx_bad=50)),
    ],
    ids=[
        "silent", "forged beside its own", "too few to tell", "one was read", "made anew", "channel lost",
        "not up", "just begun", "unread numbers", "no look before", "another neighbour then",
    ],
)  # fmt: skip
def test_what_may_be_anything_else_is_no_mismatch(links: tuple[SecuredLink | None, ...]) -> None:
    assert not FAULT.symptoms(readings(*links))


def test_the_link_is_made_anew_and_once_more_later() -> None:
    seen_now = readings(*DEAF)
    (found,) = FAULT.symptoms(seen_now)
    first, second = FAULT.ladder(diagnosis(found), seen_now)
    assert (first.action, first.subject) == ("renew-link", LINK)
    assert first.args == {"hardif": "e1", "neighbour": N1}
    assert second.args["attempt"] == "2"
    assert float(second.args["not_before"]) == diagnosis(found).at + SECOND_TRY_S


@pytest.mark.parametrize(
    ("links", "state"),
    [
        (DEAF, State.PRESENT),
        ((*DEAF, link(rx_ok=1004, rx_bad=20)), State.GONE),
        ((*DEAF, None), State.GONE),
        ((*DEAF, link(age=1.0, rx_ok=0, rx_bad=0)), State.PRESENT),
        ((*DEAF, link(age=1.0, rx_ok=12, rx_bad=0)), State.GONE),
    ],
    ids=["as before", "read again", "no neighbour any more", "anew, not read yet", "anew and read"],
)
def test_it_is_gone_when_something_is_read(links: Any, state: State) -> None:
    it = about("key-mismatch", LINK, at=NOW - 20)
    assert FAULT.state(it, readings(*links)) is state


def test_without_link_security_there_is_none() -> None:
    assert not FAULT.symptoms(view(seen(None, security=None)))
    assert FAULT.state(about("key-mismatch", LINK), view(seen(None, security=None))) is State.GONE


def test_it_stands_for_the_silence_it_causes() -> None:
    assert FAULT.explains >= {"link-dead", "one-way"}
    assert not FAULT.suspicions(sight())
