# SPDX-License-Identifier: Apache-2.0
"""What others say, and what comes back, moves a node only while it may act: the composition root's wiring."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.config import Config, Interface, Mesh
from agent.config import Node as Named
from agent.events import Snapshot
from agent.hello.service import Change
from agent.node import Node
from agent.readings import Mesh as Reading
from agent.readings import Neighbour

THEIRS = "02:78:30:02:00:01"
REPORT = Change("report", "n2", mac=THEIRS, word="link-dead")
FOUND = Reading(
    "bat0",
    5,
    "02:78:30:01:00:01",
    "BATMAN_V",
    300,
    30,
    "off",
    bla=False,
    bonding=False,
    neighbours=(Neighbour("e1", THEIRS, 0.1), Neighbour("e3", "02:78:30:02:00:02", 0.1)),
    unmeasured=("e1", "e3"),
)


@pytest.mark.parametrize("closed", ["", "healing is paused for another 60 s"], ids=["open", "paused"])
async def test_reports_and_returns_move_a_node_only_while_it_may_act(closed: str, tmp_path: Path) -> None:
    config = Config(Named("n1"), mode="heal", mesh=Mesh(interfaces=(Interface("e1"), Interface("e3"))))
    node: Any = Node(config, tmp_path / "x0.yaml", "boot-1")
    received: list[str] = []
    node._keeper._setup.core_ready = True
    node._hearing._second._receive = lambda hardif, frame: received.append(hardif)
    node.loop = SimpleNamespace(
        healing=SimpleNamespace(may_act=lambda now: closed, treated=dict),
        monitor=SimpleNamespace(
            wake=lambda _: None,
            timetable=SimpleNamespace(attention=SimpleNamespace(bursting=lambda _: False)),
        ),
    )
    node._hearing.heard(REPORT)
    node._status.changed = lambda: False
    node._tick(Snapshot(at=1.0, wall=1.0, mesh=FOUND, radios=()))  # a mesh that was there before the agent
    assert node._keeper.haste.active(node._keeper._clock()) is (closed == "")
    assert received == ([] if closed else ["e1", "e3"])
