# SPDX-License-Identifier: Apache-2.0
"""One of several parallel links is dead, the others between the two nodes live."""

from tools.lab.faults.base import Fault, Operation, Target, cut


def _last(target: Target, op: str) -> list[Operation]:
    number, link = target.links()[-1]
    return [cut(op, number, link.a, link.b)]


FAULT = Fault(
    id="wire-dead",
    what="the last of the links between --node and --peer loses all packets in both directions; others stay",
    peer=True,
    inject=lambda target: _last(target, "cut"),
    clear=lambda target: _last(target, "uncut"),
)
