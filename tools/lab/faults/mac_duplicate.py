# SPDX-License-Identifier: Apache-2.0
"""Two interfaces of a node with one address, as a cloned image or a cheap card brings it."""

from tools.lab.errors import UsageError
from tools.lab.faults.base import Fault, Operation, Target, device, run


def _other(target: Target) -> str:
    links = [link for _, link in target.topology.links_of(target.node) if link.kind != "radio"]
    others = [link.mac(target.node) for link in links if link.device(target.node) != device(target)]
    if not others:
        raise UsageError(f"{target.name} has no second wire whose address could be taken")
    return others[0]


def _own(target: Target) -> str:
    links = [link for _, link in target.topology.links_of(target.node)]
    return next(link.mac(target.node) for link in links if link.device(target.node) == device(target))


def _give(target: Target, mac: str) -> list[Operation]:
    return [run(target, "ip", "link", "set", device(target), "address", mac)]


FAULT = Fault(
    id="mac-duplicate",
    what="the wire of --node towards --peer (without --peer: its first) gets another of its own addresses",
    peer=False,
    inject=lambda target: _give(target, _other(target)),
    clear=lambda target: _give(target, _own(target)),
)
