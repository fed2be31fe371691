# SPDX-License-Identifier: Apache-2.0
"""A dead node: all its links are silent and its agent does nothing, as when it hangs or has lost power."""

from tools.lab.faults.base import Fault, Operation, Target, agent, cut


def _cut(target: Target, op: str) -> list[Operation]:
    return [cut(op, number, link.a, link.b) for number, link in target.topology.links_of(target.node)]


FAULT = Fault(
    id="node-dead",
    what="all links of --node are cut in both directions and its agent is stopped (SIGSTOP)",
    peer=False,
    inject=lambda target: [*_cut(target, "cut"), agent(target, "STOP")],
    clear=lambda target: [*_cut(target, "uncut"), agent(target, "CONT")],
)
