# SPDX-License-Identifier: Apache-2.0
"""A dead link between two living nodes: nothing passes, carrier stays."""

from tools.lab.faults.base import Fault, Operation, Target, cut


def _cut(target: Target, op: str) -> list[Operation]:
    return [cut(op, number, link.a, link.b) for number, link in target.links()]


FAULT = Fault(
    id="link-dead",
    what="every link between --node and --peer loses all packets in both directions; carrier stays",
    peer=True,
    inject=lambda target: _cut(target, "cut"),
    clear=lambda target: _cut(target, "uncut"),
)
