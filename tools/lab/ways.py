# SPDX-License-Identifier: Apache-2.0
"""Which nodes hear each other at which devices, against what the wires offer.

A ring that became a line carries its traffic as before: it is at the next fault that the way is missing.
`batctl o` does not show it, it keeps for 200 s what is no longer heard: the nodes listen on the wires.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from agent.meshdevices import MeshDevices
from tools.lab.client import Lab
from tools.lab.nodeconfig import mesh_interfaces
from tools.lab.topology import Topology

LISTEN_S = 4.0  # four OGMs of batman-adv's own interval; what is all heard takes less
Ways = Mapping[tuple[str, str], frozenset[str]]  # (node, target) > devices at which it hears the target


def offered(topology: Topology) -> Ways:
    """Return where a node must hear each other one: at links that lead there without coming back."""
    return {
        (f"n{node}", f"n{target}"): frozenset(
            link.device(node)
            for _, link in topology.links_of(node)
            if target in _reachable(topology, link.other(node), node)
        )
        for node in range(1, topology.count + 1)
        for target in range(1, topology.count + 1)
        if node != target
    }


def _reachable(topology: Topology, start: int, without: int) -> set[int]:
    found, look = {start}, [start]
    while look:
        here = look.pop()
        for _, link in topology.links_of(here):
            other = link.other(here)
            if other != without and other not in found:
                found.add(other)
                look.append(other)
    return found


def missing(lab: Lab, wanted: Ways, seconds: float = LISTEN_S) -> list[str]:
    """Return a sentence for each wanted way on which nothing was heard within so long."""
    nodes = sorted({node for node, _ in wanted})
    names = {node: lab.routes.identity(node) for node in lab.nodes}

    def listen(node: str) -> list[str]:
        must: dict[str, list[str]] = {}
        for (at, target), devices in wanted.items():
            for device in devices if at == node else ():
                must.setdefault(device, []).append(names[target])
        request = {"op": "heard", "node": node, "seconds": seconds, "wanted": must}
        told = lab.request(lab.machine(node), request)["heard"]
        return [
            f"{node} does not hear {target} at {device}"
            for (at, target), devices in wanted.items()
            for device in sorted(devices if at == node else ())
            if names[target] not in told.get(device, ())
        ]

    with ThreadPoolExecutor(len(nodes)) as pool:
        return [sentence for lacking in pool.map(listen, nodes) for sentence in lacking]


def mesh_device(lab: Lab, node: str, name: str) -> str:
    """Return what batman-adv has of a node's interface."""
    names = mesh_interfaces(lab.topology, lab.topology.number(node))
    return MeshDevices.of(names, secured=lab.state.secured).device(name)


def wait(lab: Lab, seconds: float) -> list[str]:
    """Return [] as soon as no way is missing that is offered, what is missing after so long."""
    wanted = offered(lab.topology)
    if lab.state.secured:
        wanted = {
            (node, target): frozenset(mesh_device(lab, node, name) for name in names)
            for (node, target), names in wanted.items()
        }
    deadline = time.monotonic() + seconds
    while (lacking := missing(lab, wanted)) and time.monotonic() < deadline:
        pass  # it listens again
    return lacking
