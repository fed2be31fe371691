# SPDX-License-Identifier: Apache-2.0
"""Neighbours that are well are told to who learns whether they answer, at most once a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from agent.mapek.dispatch import MEET_EVERY, Dispatch
from agent.mapek.hooks import Fence, Hooks
from agent.mapek.tick import Tick
from tests.unit.faults.hand import N1, N3, NOW, mesh, neighbours, snapshot, view
from tests.unit.mapek.world import Rig


def test_only_neighbours_that_are_well_are_met_and_not_on_every_tick() -> None:
    met: list[Any] = []
    suspected: list[Any] = []
    unused: Any = None
    monitor: Any = SimpleNamespace(suspect=suspected.append)
    dispatch = Dispatch(Rig().healing, unused, unused, monitor, Hooks(meet=met.append), Fence())
    dispatch.carry_out(Tick(), view())
    dispatch.carry_out(Tick(), view())
    assert met == [[("e1", N1), ("e3", N3)]]
    doubtful = snapshot(mesh=mesh(neighbours=neighbours(e1=0.6, e3=0.05)))
    dispatch.carry_out(Tick(), msgspec.structs.replace(view(doubtful), now=NOW + MEET_EVERY))
    assert met[1:] == [[("e3", N3)]]
    assert suspected == [[], [], []], "to be met is no suspicion"
