# SPDX-License-Identifier: Apache-2.0
"""An Internet behind a gateway of the lab: one host that answers ping and DNS, on an uplink of its own.

What the host does is in tools/lab/beyond.py; the faults gw-no-internet and gw-no-names take its answers away.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tools.lab.beyond import FLOOD, HOST
from tools.lab.client import Lab
from tools.lab.errors import NotReadyError
from tools.lab.faults.gw_no_internet import pidfile

PROGRAM = Path(__file__).with_name("beyond.py")
READY_S = 30.0
POLL_S = 0.2


def gateway(node: str, down: int = 10_000, up: int = 2_000) -> dict[str, Any]:
    """Return the overrides (nodeconfig) that make this node a gateway with that Internet."""
    values = {
        "mode": "server",
        "down": down,
        "up": up,
        "uplink": "wan0",
        "ping": [HOST],
        "resolvers": [HOST],
    }
    return {f"{node}:mesh.gateway.{key}": value for key, value in values.items()}


def start(lab: Lab, node: str) -> None:
    """Put it behind a node; does nothing where it is already. Raises NotReadyError."""
    if ready(lab, node):
        return
    text = PROGRAM.read_text()
    _task(lab, node, f"internet-{node}", ["python3", "-c", text, "inside", pidfile(node), text])
    end = time.monotonic() + READY_S
    while not ready(lab, node):
        if time.monotonic() > end:
            raise NotReadyError(f"the Internet behind {node} does not answer within {READY_S:.0f} s")
        time.sleep(POLL_S)


def ready(lab: Lab, node: str) -> bool:
    """Does its host answer ping?"""
    return lab.exec(node, "ping", "-c", "1", "-W", "1", HOST, check=False).exit == 0


def download(lab: Lab, node: str, kbit: float, seconds: float) -> None:
    """Begin to send so much from the Internet to the node."""
    lab.exec(node, "bash", "-c", f"echo {kbit:g} {seconds:g} >/dev/udp/{HOST}/{FLOOD}")


def _task(lab: Lab, node: str, name: str, argv: list[str]) -> None:
    lab.request(lab.machine(node), {"op": "task-start", "name": name, "node": node, "argv": argv})
