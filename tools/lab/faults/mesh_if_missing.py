# SPDX-License-Identifier: Apache-2.0
"""The mesh interface is gone: the node is out of the mesh until somebody makes it again."""

from tools.lab.faults.base import Fault, run

FAULT = Fault(
    id="mesh-if-missing",
    what="bat0 of --node is removed; only an agent makes it again, clearing does not",
    peer=False,
    inject=lambda target: [run(target, "ip", "link", "del", "bat0")],
    clear=lambda target: [],
)
