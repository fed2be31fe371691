# SPDX-License-Identifier: Apache-2.0
"""Each node chooses how often it says hello: its words count as long as its own interval says, not ours."""

from __future__ import annotations

import pytest

from agent.faults import liveness as lv
from agent.faults.base import State
from agent.faults.link_dead import FAULT
from tests.unit.faults.hand import N1, NOW, about, peer, snapshot, view, without

OURS_S = 1.0
HELD = {"detached": frozenset({"e1"})}


@pytest.mark.parametrize(("interval_ms", "age", "news"), [(60_000, 100.0, True), (100, 0.3, False)])
def test_a_hint_is_news_for_so_many_of_the_speaker_s_intervals(
    interval_ms: int, age: float, news: bool
) -> None:
    assert lv.fresh(view(), peer(hello_age=age, hello_interval_ms=interval_ms)) is news


@pytest.mark.parametrize(("interval_ms", "age", "elp_s"), [(60_000, 100.0, 0.15), (100, 1.1, 0.5)])
def test_an_agent_is_there_for_so_many_of_its_own_intervals(
    interval_ms: int, age: float, elp_s: float
) -> None:
    seen = snapshot(peers=(peer(hello_age=age, hello_interval_ms=interval_ms),))
    assert lv.elp_interval_s(seen, OURS_S, "e1", N1) == elp_s


@pytest.mark.parametrize(("streak", "over"), [(4, False), (21, True)])
def test_a_link_has_answered_for_as_long_as_the_speaker_s_hellos_took(streak: int, over: bool) -> None:
    quick = peer(hello_age=0.05, hello_streak=streak, hello_interval_ms=100)
    seen = view(snapshot(mesh=without("e1"), peers=(quick,)), **HELD)
    assert (FAULT.state(about("link-dead", at=NOW - 10), seen) is State.GONE) is over
