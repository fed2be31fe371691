# SPDX-License-Identifier: Apache-2.0
"""What others say moves a node only while it may act: the wiring of hints in the composition root."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.config import Config, Interface, Mesh
from agent.config import Node as Named
from agent.hello.service import Change
from agent.node import Node
from agent.readings import Peer

THEIRS = "02:78:30:02:00:01"
REPORT = Change("report", "n2", mac=THEIRS, word="link-dead")
INTENT = Change("intent", "n2", "e1", THEIRS)


@pytest.mark.parametrize("closed", ["", "healing is paused for another 60 s"], ids=["open", "paused"])
async def test_reports_and_intents_move_a_node_only_while_it_may_act(closed: str, tmp_path: Path) -> None:
    config = Config(Named("n1"), mode="heal", mesh=Mesh(interfaces=(Interface("e1"), Interface("e3"))))
    node: Any = Node(config, tmp_path / "x0.yaml", "boot-1")
    spoken: list[str] = []
    node._keeper._setup.core_ready = True
    node._second._send = lambda hardif, sequence, interval: spoken.append(hardif)
    node._second._neighbours = lambda hardif: [(THEIRS, 0.1)]
    peer = SimpleNamespace(hardif="e1", mac=THEIRS, intents=("attach-hardif hardif/e9",))
    node._hello = SimpleNamespace(peers=lambda: (peer,))
    assert {"hardif", "mac", "intents"} <= set(Peer.__struct_fields__)
    node.loop = SimpleNamespace(
        healing=SimpleNamespace(may_act=lambda now: closed), monitor=SimpleNamespace(wake=lambda _: None)
    )
    node._heard(REPORT)
    node._heard(INTENT)
    assert node._keeper.haste.active(node._keeper._clock()) is (closed == "")
    assert spoken == ([] if closed else ["e1"])
