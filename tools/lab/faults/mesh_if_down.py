# SPDX-License-Identifier: Apache-2.0
"""The mesh interface is switched off: the node forwards for others, and nothing of its own passes."""

from tools.lab.faults.base import Fault, run

FAULT = Fault(
    id="mesh-if-down",
    what="bat0 of --node is switched off by hand (`ip link set bat0 down`)",
    peer=False,
    inject=lambda target: [run(target, "ip", "link", "set", "bat0", "down")],
    clear=lambda target: [run(target, "ip", "link", "set", "bat0", "up")],
)
