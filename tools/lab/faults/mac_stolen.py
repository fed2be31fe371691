# SPDX-License-Identifier: Apache-2.0
"""Two neighbours with one address on the wire between them."""

from tools.lab.faults.base import Fault, Operation, Target, run


def _give(target: Target, whose: int) -> list[Operation]:
    _, link = target.links()[0]
    return [run(target, "ip", "link", "set", link.device(target.node), "address", link.mac(whose))]


FAULT = Fault(
    id="mac-stolen",
    what="--node's end of the wire to --peer gets the address of the peer's end",
    peer=True,
    inject=lambda target: _give(target, target.peer or target.node),
    clear=lambda target: _give(target, target.node),
)
