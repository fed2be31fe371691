# SPDX-License-Identifier: Apache-2.0
"""Faults in force: each is a list of operations the host computed, with the list that takes them back.

Two injections may cut the same link: a link is whole again when the last one is cleared.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.lab.guest import processes, setup
from tools.lab.guest.deaf import Deaf
from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node
from tools.lab.guest.setup import Edge, End
from tools.lab.guest.weather import Weather

Operation = dict[str, Any]


@dataclass(frozen=True)
class Injection:
    """One fault in force. `at`: seconds since 1970 of this machine's clock, the clock of `ping -D`."""

    id: int
    fault: str
    node: str
    peer: str | None
    at: float
    took_ms: float
    until: float | None
    clear: tuple[Operation, ...]

    def told(self) -> dict[str, Any]:
        """Return what the host is told."""
        return {key: getattr(self, key) for key in ("id", "fault", "node", "peer", "at", "took_ms", "until")}


class Cuts:
    """Injects and clears. Operations: cut, uncut, weather, calm, deafen, undeafen, signal, unit, run."""

    def __init__(
        self,
        members: dict[str, Node],
        edges: list[Edge],
        phys: dict[str, str],
        signal_unit: Callable[[str, str, int], None],
    ) -> None:
        self._members = members
        self._edges = {edge.id: edge for edge in edges}
        self._phys = phys
        self._signal_unit = signal_unit
        self._deaf: dict[
            tuple[int, str], int
        ] = {}  # (edge, node that hears nothing): how many injections say so
        self._muted: dict[int, int] = {}  # radio edge: how many injections say so
        self._deafened: dict[str, Deaf] = {}  # node: its deaf radio
        self._weather = Weather(members, self._is_cut)
        self._count = 0
        self.active: dict[int, Injection] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._clearing: set[asyncio.Task[list[dict[str, Any]]]] = set()

    async def inject(self, request: dict[str, Any]) -> dict[str, Any]:
        """Apply a fault; what was applied is taken back if a later operation fails. Raises GuestError."""
        at, started = time.time(), time.monotonic()
        try:
            for operation in request["inject"]:
                await self._apply(operation)
        except (GuestError, OSError) as error:
            await self._take_back(request["clear"])
            raise GuestError(f"{request['fault']} on {request['node']} was not injected: {error}") from error
        took_ms = (time.monotonic() - started) * 1e3
        self._count += 1
        seconds = request.get("seconds")
        until = None if seconds is None else at + seconds
        injection = Injection(
            *(
                self._count,
                request["fault"],
                request["node"],
                request.get("peer"),
                at,
                round(took_ms, 2),
                until,
            ),
            tuple(request["clear"]),
        )
        self.active[injection.id] = injection
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timers[injection.id] = loop.call_later(seconds, self._expire, injection.id)
        return injection.told()

    def _expire(self, number: int) -> None:
        task = asyncio.ensure_future(self.clear([number]))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def clear(self, numbers: list[int] | None = None, **like: str) -> list[dict[str, Any]]:
        """Take faults back, newest first: the numbered ones, those of this fault, node, peer, or all.

        Returns them, each with `cleared` and what failed.
        """

        def meant(injection: Injection) -> bool:
            told = injection.told()
            return (numbers is None or injection.id in numbers) and all(
                told[key] == like[key] for key in like
            )

        chosen = sorted((number for number, each in self.active.items() if meant(each)), reverse=True)
        done = []
        for number in chosen:
            injection = self.active.pop(number)
            timer = self._timers.pop(number, None)
            if timer is not None:
                timer.cancel()
            cleared = time.time()
            problems = await self._take_back(injection.clear)
            done.append(injection.told() | {"cleared": cleared, "problems": problems})
        return done

    async def _take_back(self, operations: tuple[Operation, ...] | list[Operation]) -> list[str]:
        problems = []
        for operation in operations:
            try:
                await self._apply(operation)
            except (GuestError, OSError) as error:
                problems.append(str(error))
        return problems

    async def _apply(self, operation: Operation) -> None:
        kind = operation["op"]
        if kind in ("cut", "uncut"):
            step = 1 if kind == "cut" else -1
            self._count_cut(self._edges[operation["edge"]], operation["deaf"], step)
        elif kind == "weather":
            self._weather.begin(self._edges[operation["edge"]], operation["steps"], operation["repeat"])
        elif kind == "calm":
            self._weather.end(self._edges[operation["edge"]])
        elif kind == "signal":
            self._signal(operation)
        elif kind == "unit":
            with contextlib.suppress(GuestError):  # not running: nothing to stop or go on
                self._signal_unit(
                    operation["node"], operation["unit"], signal.Signals[f"SIG{operation['signal']}"]
                )
        elif kind == "deafen":
            await self._deafen(operation["node"], operation["until"])
        elif kind == "undeafen":
            if (deaf := self._deafened.pop(operation["node"], None)) is not None:
                await deaf.end()
        elif kind == "run":
            await setup.run(self._members[operation["node"]].command(operation["argv"]))
        else:
            raise GuestError(f"unknown operation {kind}")

    async def _deafen(self, node: str, until: str) -> None:
        edges = [
            edge
            for edge in self._edges.values()
            if edge.kind == "radio" and node in {end.node for end in edge.ends}
        ]
        if not edges or node in self._deafened:
            raise GuestError(f"{node}: {'its radio is deaf already' if edges else 'it has no radio'}")

        def step(number: int) -> None:
            for edge in edges:
                self._count_cut(edge, [], number)

        deaf = Deaf(self._members[node], until, lambda: step(-1))
        await deaf.start()
        self._deafened[node] = deaf
        step(1)

    def _count_cut(self, edge: Edge, deaf: list[str], step: int) -> None:
        if edge.kind == "radio":
            self._muted[edge.id] = max(0, self._muted.get(edge.id, 0) + step)
            muted = {number for number, count in self._muted.items() if count}
            for end in edge.ends:
                bits = setup.group_bits(end.node, list(self._edges.values()), muted)
                setup.set_group(self._phys[end.node], bits)
            return
        for name in deaf:
            # what a node hears is dropped where it leaves the other end
            for end in edge.ends:
                if end.node == name or name not in edge.peers:
                    continue
                count = max(0, self._deaf.get((edge.id, name), 0) + step)
                self._deaf[edge.id, name] = count
                node = self._members[end.node]
                if count == 1 and step == 1:
                    node.netem.shape(node.ifindex(end.device), loss_percent=100.0)
                elif count == 0:
                    self._weather.renew(edge)

    def _is_cut(self, edge: Edge, end: End) -> bool:
        """Is what leaves this end dropped?"""
        return any(count and at == edge.id and name != end.node for (at, name), count in self._deaf.items())

    def _signal(self, operation: Operation) -> None:
        node = self._members[operation["node"]]
        number = signal.Signals[f"SIG{operation['signal']}"]
        holder = node.holder if node.holder is not None else os.getpid()
        found = processes.in_namespace(holder, operation["process"])
        if not found and operation.get("must_exist"):
            raise GuestError(
                f"{node.name}: no process called {operation['process']} to send {number.name} to"
            )
        for pid in found:
            processes.send(pid, number)
