# SPDX-License-Identifier: Apache-2.0
"""What a fault of the lab is: operations that make it and operations that take it back.

They are computed from the topology; the machine applies them in order (tools/lab/guest/cuts.py):
`cut`/`uncut` {edge, deaf: [names]}, `weather` {edge, steps: [[loss in percent, seconds]], repeat} and `calm`
{edge}, `deafen`/`undeafen` {node, until: scan | rejoin | restart} a radio,
`signal` {node, process, signal: KILL, must_exist}, `unit` {node, unit, signal: STOP}, `run` {node, argv}.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.lab.errors import UsageError
from tools.lab.topology import Link, Topology

Operation = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """Where a fault is injected: node numbers; `peer` None where the fault needs none."""

    topology: Topology
    node: int
    peer: int | None

    @property
    def name(self) -> str:
        """The node's name."""
        return f"n{self.node}"

    def links(self) -> list[tuple[int, Link]]:
        """Return the links between node and peer. Raises UsageError."""
        if self.peer is None:
            raise UsageError("this fault is between two nodes: name the other with --peer")
        found = self.topology.between(self.node, self.peer)
        if not found:
            near = ", ".join(f"n{link.other(self.node)}" for _, link in self.topology.links_of(self.node))
            raise UsageError(
                f"{self.name} and n{self.peer} have no link; {self.name} has links to {near or 'nobody'}"
            )
        return found


@dataclass(frozen=True)
class Fault:
    """One fault: `what` is one sentence for the list; `peer`: it is between two nodes."""

    id: str
    what: str
    peer: bool
    inject: Callable[[Target], list[Operation]]
    clear: Callable[[Target], list[Operation]]


def cut(op: str, number: int, *deaf: int) -> Operation:
    """Return the operation that makes (`cut`) or takes back (`uncut`) the deafness of nodes on an edge."""
    return {"op": op, "edge": number, "deaf": [f"n{node}" for node in deaf]}


def weather(number: int, *steps: tuple[float, float], repeat: bool = False) -> Operation:
    """Return the operation that lets an edge lose packets by a time table, in both directions."""
    return {"op": "weather", "edge": number, "steps": [list(step) for step in steps], "repeat": repeat}


def calm(target: Target) -> list[Operation]:
    """Return the operations that end the loss of every link between node and peer."""
    return [{"op": "calm", "edge": number} for number, _ in target.links()]


def send(target: Target, process: str, signal: str, *, must_exist: bool = False) -> Operation:
    """Return the operation that signals every process of that name in the node."""
    return {
        "op": "signal",
        "node": target.name,
        "process": process,
        "signal": signal,
        "must_exist": must_exist,
    }


def run(target: Target, *argv: str) -> Operation:
    """Return the operation that runs a command in the node; it must succeed."""
    return {"op": "run", "node": target.name, "argv": list(argv)}


def device(target: Target) -> str:
    """Return the node's interface towards the peer; without a peer its first. Raises UsageError."""
    links = target.links() if target.peer is not None else target.topology.links_of(target.node)
    if not links:
        raise UsageError(f"{target.name} has no link")
    return links[0][1].device(target.node)


def agent(target: Target, signal: str) -> Operation:
    """Return the operation that signals the node's agent; a node without one is left as it is."""
    return {"op": "unit", "node": target.name, "unit": "agent", "signal": signal}
