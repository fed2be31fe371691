# SPDX-License-Identifier: Apache-2.0
"""A node whose links are not secured does not pay for what would secure them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
HEAVY = ("cryptography", "OpenSSL", "_cffi_backend", "agent.linksec", "agent.identity")
BUILD = """
import asyncio, json, sys
from pathlib import Path
from agent.config import load
from agent.node import Node
async def build():
    config = load(sys.argv[1])
    node = Node(config, Path(sys.argv[1]), "boot")
    task = asyncio.create_task(node._links.run())
    await asyncio.sleep(0.1)
    task.cancel()
    return node._devices.device("e1")
device = asyncio.run(build())
print(json.dumps([device, sorted(sys.modules)]))
"""


@pytest.mark.parametrize(("security", "device"), [("off", "e1"), ("auto", "e1")])
def test_an_agent_with_link_security_off_loads_no_crypto_library(
    tmp_path: Path, security: str, device: str
) -> None:
    config = tmp_path / "x0.yaml"
    config.write_text(
        f"node: {{name: n1, state_dir: {tmp_path}, control_socket: {tmp_path}/sock}}\n"
        f"mesh: {{interfaces: [{{name: e1}}]}}\nlink_security: {security}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(config)],
        cwd=TREE, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found, modules = json.loads(done.stdout)
    assert found == device
    assert [name for name in modules if name.startswith(HEAVY)] == []
