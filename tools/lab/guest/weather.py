# SPDX-License-Identifier: Apache-2.0
"""Loss of an edge that changes by a time table: constant, in turn, or growing. Both directions alike."""

import asyncio
from collections.abc import Callable, Sequence

from tools.lab.guest import setup
from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node
from tools.lab.guest.setup import Edge, End

Steps = Sequence[tuple[float, float]]  # (loss in percent, seconds it lasts); the last one stays


class Weather:
    """One time table an edge at a time. `cut(edge, end)`: is what leaves there cut by another fault now?"""

    def __init__(self, members: dict[str, Node], cut: Callable[[Edge, End], bool]) -> None:
        self._members = members
        self._cut = cut
        self._loss: dict[int, float] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def begin(self, edge: Edge, steps: Steps, repeat: bool) -> None:
        """The first step holds when it returns. GuestError where there is a time table already."""
        if edge.kind == "radio":
            raise GuestError("loss is for wires; a radio edge can be cut only")
        if edge.id in self._tasks:
            raise GuestError(f"edge {edge.id} is lossy already; clear that first")
        self._set(edge, steps[0][0])
        self._tasks[edge.id] = asyncio.ensure_future(self._run(edge, steps, repeat))

    def end(self, edge: Edge) -> None:
        """The edge is as at rest."""
        task = self._tasks.pop(edge.id, None)
        if task is not None:
            task.cancel()
        self._loss.pop(edge.id, None)
        self.renew(edge)

    def renew(self, edge: Edge) -> None:
        """Both ends get the shape of this moment, but what is cut stays cut."""
        loss = self._loss.get(edge.id)
        for end in edge.ends:
            node = self._members[end.node]
            if self._cut(edge, end):
                continue
            if loss is None:
                setup.restore(node, end.device, edge)
            else:
                node.netem.shape(
                    node.ifindex(end.device),
                    delay_ms=edge.delay_ms,
                    loss_percent=max(loss, edge.loss_percent),
                    rate_bit=edge.rate_bit,
                )

    async def _run(self, edge: Edge, steps: Steps, repeat: bool) -> None:
        loop = asyncio.get_running_loop()
        due, first = loop.time(), True
        while True:
            for percent, seconds in steps:
                if not first:
                    self._set(edge, percent)
                first = False
                due += seconds
                await asyncio.sleep(due - loop.time())
            if not repeat:
                return

    def _set(self, edge: Edge, percent: float) -> None:
        self._loss[edge.id] = percent
        self.renew(edge)
