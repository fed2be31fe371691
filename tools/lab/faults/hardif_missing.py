# SPDX-License-Identifier: Apache-2.0
"""A mesh interface that is no longer part of bat0: its link is up, the mesh does not use it."""

from tools.lab.faults.base import Fault, Operation, Target, run


def _devices(target: Target) -> list[str]:
    links = target.links() if target.peer is not None else target.topology.links_of(target.node)[:1]
    return sorted({link.device(target.node) for _, link in links})


def _each(target: Target, verb: str) -> list[Operation]:
    return [
        run(target, "batctl", "meshif", "bat0", "interface", "-M", verb, device)
        for device in _devices(target)
    ]


def _again(target: Target) -> list[Operation]:
    # an agent may have mended it meanwhile: then there is nothing to do
    devices = " ".join(_devices(target))
    script = (
        f'for d in {devices}; do batctl meshif bat0 interface | grep -q "^$d:" || '
        "batctl meshif bat0 interface -M add $d; done"
    )
    return [run(target, "sh", "-c", script)]


FAULT = Fault(
    id="hardif-missing",
    what="the interface of --node towards --peer (without --peer: its first) is taken out of bat0",
    peer=False,
    inject=lambda target: _each(target, "del"),
    clear=_again,
)
