# SPDX-License-Identifier: Apache-2.0
"""Which way a packet goes: read from each node's batman-adv with `batctl`, never from an agent."""

from typing import Any, Protocol

from tools.lab.errors import LabError, NotReadyError
from tools.lab.topology import Topology


class Nodes(Protocol):
    """What is needed of a lab."""

    @property
    def topology(self) -> Topology:
        """The lab's topology."""
        ...

    def json(self, node: str | None, *argv: str) -> Any:
        """Run a program that prints JSON in a node."""
        ...


class Routes:
    """Reads next hops. Addresses of nodes do not change while a lab runs: they are read once."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._identities: dict[str, str] = {}
        links = nodes.topology.links
        self._owners = {link.mac(end): f"n{end}" for link in links for end in (link.a, link.b)}

    def path(self, source: str, target: str) -> list[str]:
        """Return the nodes a packet passes now, both ends included. Raises NotReadyError."""
        self._nodes.topology.number(target)
        chain = [source]
        while chain[-1] != target:
            hop = self.next_hop(chain[-1], target)
            if hop in chain:
                raise NotReadyError(f"the way from {source} to {target} loops: {' > '.join([*chain, hop])}")
            chain.append(hop)
        return chain

    def next_hop(self, node: str, target: str) -> str:
        """Return the neighbour a node sends to for `target`. Raises NotReadyError."""
        originator = self.identity(target)
        for row in self._nodes.json(node, "batctl", "meshif", "bat0", "originators_json"):
            if row["orig_address"] == originator and row.get("best"):
                return self.owner(row["neigh_address"])
        raise NotReadyError(f"{node} knows no way to {target} ({originator}) yet")

    def identity(self, node: str) -> str:
        """Return a node's originator address: that of its primary interface."""
        if node not in self._identities:
            mesh = self._nodes.json(node, "batctl", "meshif", "bat0", "mesh_json")
            self._identities[node] = mesh["hard_address"]
        return self._identities[node]

    def owner(self, mac: str) -> str:
        """Return the node that has a device of this address. Raises LabError."""
        if mac not in self._owners:
            for node in self._nodes.topology.names:
                for device in self._nodes.json(node, "ip", "-j", "link"):
                    self._owners.setdefault(device.get("address", ""), node)
        if mac not in self._owners:
            raise LabError(f"no node has a device with address {mac}")
        return self._owners[mac]
