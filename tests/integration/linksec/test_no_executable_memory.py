# SPDX-License-Identifier: Apache-2.0
"""A handshake in a process confined as the unit confines the agent: no memory to write and execute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[3]
# 65: PR_SET_MDWE, 1: PR_MDWE_REFUSE_EXEC_GAIN (linux/prctl.h, since 6.3); what the unit's setting does
CONFINED = """
import ctypes, mmap, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    sys.exit(77)
from agent.linksec.errors import PeerRefusedError, TlsError
from agent.linksec.tls import Contexts
from tests.unit.linksec.authority import Mesh
from tests.unit.linksec.pairs import handshake
mesh, foreign = Mesh(), Mesh()
here = Contexts(mesh.node("anna"))
for _ in range(3):
    client, server = here.client(mesh.verifier()), here.server(mesh.verifier())
    handshake(client, server)
    assert (client.peer, server.peer) == ("spiffe://tal/node/anna",) * 2
try:
    handshake(here.client(foreign.verifier()), here.server(mesh.verifier()))
except (TlsError, PeerRefusedError) as error:
    print("refused:", error)
"""


def test_a_confined_agent_shakes_hands_and_refuses() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONFINED], cwd=TREE, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 77:
        pytest.skip("this kernel cannot forbid it")
    assert done.returncode == 0, done.stderr
    assert "refused:" in done.stdout
