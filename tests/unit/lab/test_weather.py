# SPDX-License-Identifier: Apache-2.0
"""Loss by a time table: each step on both ends, nothing over a cut, and as at rest afterwards."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tools.lab.guest.errors import GuestError
from tools.lab.guest.setup import Edge, End
from tools.lab.guest.weather import Weather

EDGE = Edge(3, "wire", (End("n1", "e2", "m1"), End("n2", "e1", "m2")), ("n1", "n2"), 0.0, 0.0, 0)
SHAPED = Edge(4, "wire", EDGE.ends, EDGE.peers, 5.0, 2.0, 0)


class Node:
    """Both its netem and itself; notes what each device loses, None: nothing stands there."""

    def __init__(self) -> None:
        self.netem = self
        self.loss: list[float | None] = []

    def ifindex(self, device: str) -> int:
        return int(device[1:])

    def shape(self, index: int, *, delay_ms: float, loss_percent: float, rate_bit: int) -> None:
        self.loss.append(loss_percent)

    def clear(self, index: int) -> None:
        self.loss.append(None)


def made(cut: str = "") -> tuple[Weather, Node, Node]:
    n1, n2 = Node(), Node()
    return Weather(cast(Any, {"n1": n1, "n2": n2}), lambda edge, end: end.node == cut), n1, n2


async def test_steps_follow_each_other_and_the_last_one_stays() -> None:
    weather, n1, n2 = made()
    weather.begin(EDGE, [(1.0, 0.02), (2.0, 0.02), (3.0, 0.02)], repeat=False)
    assert n1.loss == [1.0]
    await asyncio.sleep(0.15)
    assert n1.loss == n2.loss == [1.0, 2.0, 3.0]
    weather.end(EDGE)
    assert n1.loss[-1] is None


async def test_it_repeats_until_it_is_ended() -> None:
    weather, n1, _ = made()
    weather.begin(EDGE, [(100.0, 0.01), (0.0, 0.01)], repeat=True)
    await asyncio.sleep(0.1)
    weather.end(EDGE)
    count = len(n1.loss)
    assert n1.loss[:4] == [100.0, 0.0, 100.0, 0.0]
    await asyncio.sleep(0.05)
    assert len(n1.loss) == count


async def test_what_is_cut_stays_cut() -> None:
    weather, n1, n2 = made(cut="n1")
    weather.begin(EDGE, [(30.0, 10.0)], repeat=False)
    assert n1.loss == []
    assert n2.loss == [30.0]
    weather.end(EDGE)


async def test_an_edge_that_loses_at_rest_never_loses_less() -> None:
    weather, n1, _ = made()
    weather.begin(SHAPED, [(1.0, 10.0)], repeat=False)
    assert n1.loss == [2.0]
    weather.end(SHAPED)
    assert n1.loss == [2.0, 2.0]


async def test_a_second_time_table_and_a_radio_are_refused() -> None:
    weather, _, _ = made()
    weather.begin(EDGE, [(30.0, 10.0)], repeat=False)
    with pytest.raises(GuestError, match="already"):
        weather.begin(EDGE, [(30.0, 10.0)], repeat=False)
    weather.end(EDGE)
    with pytest.raises(GuestError, match="wires"):
        weather.begin(Edge(5, "radio", (), (), 0.0, 0.0, 0), [(30.0, 1.0)], repeat=False)
