# SPDX-License-Identifier: Apache-2.0
"""A mesh that splits: every wire between two halves is cut at once."""

from tools.lab.errors import UsageError
from tools.lab.faults.base import Fault, Operation, Target, cut


def _part(target: Target) -> set[int]:
    """The nodes from --node up to --peer, by number."""
    if target.peer is None:
        raise UsageError("partition cuts off a range of nodes: name its other end with --peer")
    low, high = sorted((target.node, target.peer))
    return set(range(low, high + 1))


def _cuts(target: Target, op: str) -> list[Operation]:
    part = _part(target)
    return [
        cut(op, number, link.a, link.b)
        for number, link in enumerate(target.topology.links)
        if (link.a in part) != (link.b in part)
    ]


FAULT = Fault(
    id="partition",
    what="every link between the nodes from --node to --peer (by number) and the others is cut",
    peer=True,
    inject=lambda target: _cuts(target, "cut"),
    clear=lambda target: _cuts(target, "uncut"),
)
