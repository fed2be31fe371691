# SPDX-License-Identifier: Apache-2.0
"""What went wrong is kept for a technician: alike things together, bounded, not for ever."""

from __future__ import annotations

from agent.linksec.errors import Reason
from agent.linksec.history import KEEP, MAX_KEPT, History
from agent.linksec.report import Kind, LinkEvent

PEER = "spiffe://tal/node/berta"


def failed(peer: str = PEER, reason: Reason = Reason.REVOKED, text: str = "it is revoked") -> LinkEvent:
    return LinkEvent(Kind.FAILED, "e1", peer, "02:00:00:00:00:02", reason, text)


def test_alike_failures_are_one_with_the_last_ones_words() -> None:
    history = History()
    assert history.note(failed(text="first"), 10.0)
    assert not history.note(failed(text="second"), 15.0)
    (found,) = history.told(20.0)
    assert (found.hardif, found.reason, found.peer, found.text) == ("e1", "revoked", PEER, "second")
    assert (found.count, found.first_age, found.age) == (2, 10.0, 5.0)


def test_the_newest_stands_first() -> None:
    history = History()
    history.note(failed(reason=Reason.TLS), 1.0)
    history.note(failed(reason=Reason.REKEY), 2.0)
    history.note(failed(reason=Reason.TLS), 3.0)
    assert [one.reason for one in history.told(4.0)] == ["tls", "rekey"]


def test_what_went_well_is_no_failure() -> None:
    history = History()
    for kind in (Kind.UP, Kind.KEY, Kind.REKEYED, Kind.HELD, Kind.RESUMED):
        assert not history.note(LinkEvent(kind, "e1", PEER, reason=Reason.CLOSED), 1.0)
    assert history.told(1.0) == ()


def test_a_stranger_that_fails_in_many_ways_is_bounded_and_loses_the_oldest() -> None:
    history = History()
    for number in range(MAX_KEPT + 10):
        history.note(failed(peer=f"fe80::{number:x}"), float(number))
    found = history.told(100.0)
    assert len(found) == MAX_KEPT
    assert found[-1].peer == "fe80::a"


def test_what_is_long_past_is_forgotten() -> None:
    history = History()
    history.note(failed(), 0.0)
    assert history.told(KEEP)
    assert history.told(KEEP + 1) == ()
