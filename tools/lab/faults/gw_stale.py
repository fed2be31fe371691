# SPDX-License-Identifier: Apache-2.0
"""A gateway that falls silent: its clients' kernels keep it for minutes."""

from tools.lab.faults import node_dead
from tools.lab.faults.base import Fault

FAULT = Fault(
    id="gw-stale",
    what="the gateway --node falls silent on all its links, as node-dead; look at its clients two hops away",
    peer=False,
    inject=node_dead.FAULT.inject,
    clear=node_dead.FAULT.clear,
)
