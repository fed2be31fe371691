# SPDX-License-Identifier: Apache-2.0
"""How long a mesh takes from the command to a mesh that carries traffic: as one counts who typed it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from agent.kernel.elp import SECOND_MAC
from tests.lab.conftest import Labs
from tools.lab import lifecycle
from tools.lab.client import Lab

READY_S = 75.0  # on two cores, after the first build; Python's imports alone take 5 to 9 s in there


@pytest.mark.long  # it needs both cores for itself: the shared lab is ended
@pytest.mark.timeout(300)
def test_five_nodes_are_healthy_and_four_hops_answer_within_75_seconds(
    labs: Labs, capsys: pytest.CaptureFixture[str]
) -> None:
    labs.end()
    lifecycle.build()  # the first build has a bound of its own
    name = f"start-{os.getpid()}"
    try:
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "tools.lab.cli", "up", "--name", name, "--topology", "line:5", "--json"],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=2 * READY_S,
        )
        lab = Lab.open(name)
        states = {node: lab.health(node) for node in lab.nodes}
        answered = lab.exec("n1", "ping", "-n", "-c1", "-W1", "10.77.0.5", check=False).exit == 0
        took = time.monotonic() - began
        assert states == dict.fromkeys(("n1", "n2", "n3", "n4", "n5"), "healthy")
        assert answered, "four hops answer"
        assert lab.path("n1", "n5") == ["n1", "n2", "n3", "n4", "n5"]
        heard = json.loads(lab.exec("n3", "batctl", "meshif", "bat0", "neighbors_json").stdout)
        assert len([row for row in heard if row["neigh_address"] != SECOND_MAC]) == 2
    finally:
        lifecycle.down(name)
    with capsys.disabled():
        sys.stdout.write(f"\nline:5 with agents: healthy, four hops answering after {took:.1f} s\n")
    assert took <= READY_S
