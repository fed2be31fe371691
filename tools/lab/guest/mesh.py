# SPDX-License-Identifier: Apache-2.0
"""This machine's part of the mesh: nodes, edges, units, tasks, faults in force, and the requests on them."""

import asyncio
import contextlib
import signal
import socket
from typing import Any

from tools.lab.guest import heard, setup, systemd
from tools.lab.guest.agents import AGENT, STOP_POST, Unit, start_broker
from tools.lab.guest.cuts import Cuts
from tools.lab.guest.errors import GuestError
from tools.lab.guest.netns import socket_in
from tools.lab.guest.nodes import Node
from tools.lab.guest.tasks import Tasks
from tools.lab.guest.tree import Tree

PAGE_BASE = 7100  # the page of node K is relayed from this port + K
PAGE_PORT = 8080  # where an agent serves its page, in its own namespace
CONNECT_S = 5.0
UNITS = {"agent": (AGENT, STOP_POST)}  # what the lab runs as systemd would; brokers are started by the agents


class Mesh:
    """All that `setup` made."""

    def __init__(
        self,
        members: dict[str, Node],
        edges: list[setup.Edge],
        phys: dict[str, str],
        tree: Tree,
    ) -> None:
        self._members, self._tree = members, tree
        self._cuts = Cuts(
            members, edges, phys, lambda node, unit, number: self._units[node, unit].signal(number)
        )
        self._tasks = Tasks()
        self._units: dict[tuple[str, str], Unit | systemd.SystemdUnit] = {
            (node.name, kind): systemd.SystemdUnit(node, kind)
            if systemd.runs(node)
            else Unit(node, kind, *argv)
            for node in members.values()
            for kind, argv in UNITS.items()
        }

    @classmethod
    async def build(cls, spec: dict[str, Any], tree: Tree) -> "Mesh":
        """Make everything `spec` says. Raises GuestError."""
        members = await setup.make_nodes(spec)
        if any(systemd.runs(node) for node in members.values()):
            await systemd.settle()
        edges = [setup.edge_of(edge) for edge in spec["edges"]]
        await setup.make_wires(edges, members)
        phys = await setup.make_radios([node["name"] for node in spec["nodes"] if node["radio"]], members)
        for name, phy in phys.items():
            setup.set_group(phy, setup.group_bits(name, edges, set()))
        built = cls(members, edges, phys, tree)
        if spec["mesh"]:
            await asyncio.gather(
                *(
                    setup.make_mesh(
                        members[node["name"]],
                        setup.hardifs(node["name"], edges),
                        node["radio"],
                        node["address"],
                    )
                    for node in spec["nodes"]
                )
            )
        for node in spec["nodes"]:
            for path, text in node["files"].items():
                (members[node["name"]].home / "etc" / path).write_text(text)
        await built._relay_pages()
        return built

    def node(self, name: str) -> Node:
        """Return a node. Raises GuestError."""
        if name not in self._members:
            raise GuestError(f"no node {name}; there are {', '.join(self._members)}")
        return self._members[name]

    async def request(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request by name."""
        match name:
            case "inject":
                return await self._cuts.inject(request)
            case "clear":
                return {"cleared": await self._cuts.clear(**request.get("like", {}))}
            case "injections":
                return {"injections": [injection.told() for injection in self._cuts.active.values()]}
            case "task-start":
                return await self._tasks.start(request["name"], self.node(request["node"]), request["argv"])
            case "task-stop":
                return await self._tasks.stop(request["name"])
            case "task-list":
                return {"tasks": self._tasks.list()}
            case "unit":
                return await self._unit(request)
            case "units":
                return {"units": [unit.told() for unit in self._units.values()]}
            case "heard":
                told = {device: set(names) for device, names in request["wanted"].items()}
                found = await heard.listen(self.node(request["node"]), request["seconds"], told)
                return {"heard": {device: sorted(names) for device, names in found.items()}}
            case "write":
                path = self.node(request["node"]).home / "etc" / request["path"]
                path.write_text(request["text"])
                return {"ok": True}
            case _:
                raise GuestError(f"unknown request {name}")

    async def _unit(self, request: dict[str, Any]) -> dict[str, Any]:
        unit = self._units[self.node(request["node"]).name, request["unit"]]
        match request["action"]:
            case "start":
                await self._tree.ready()
                if isinstance(unit, Unit):  # a machine with systemd has it as a unit
                    await start_broker(unit.node)
                await unit.start()
            case "stop":
                await unit.stop()
            case action:
                unit.signal(signal.Signals[action])
        return unit.told()

    async def _relay_pages(self) -> None:
        for node in self._members.values():
            await asyncio.start_server(self._relay_to(node), "0.0.0.0", PAGE_BASE + node.index)

    def _relay_to(self, node: Node) -> Any:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                link = socket_in(node.holder, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                link.setblocking(False)
                loop = asyncio.get_running_loop()
                await asyncio.wait_for(loop.sock_connect(link, ("127.0.0.1", PAGE_PORT)), CONNECT_S)
                far_reader, far_writer = await asyncio.open_connection(sock=link)
            except (OSError, TimeoutError):
                writer.close()  # no agent listens: the browser sees a closed connection
                return
            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

        return connected


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the end, then end the other side."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
    writer.close()
