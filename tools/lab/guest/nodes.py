# SPDX-License-Identifier: Apache-2.0
"""The machine's nodes: namespaces held by one process each, or this machine itself."""

import asyncio
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tools.lab.guest import processes
from tools.lab.guest.errors import GuestError
from tools.lab.guest.netem import Netem, netlink_socket
from tools.lab.guest.netns import socket_in

HERE = Path(__file__).parent
RUN = Path("/run/x0-lab")
READY_S = 30.0  # a holder is ready in 0.3 s; a crowded host may take long


@dataclass
class Node:
    """One node of the mesh. `holder` is process 1 of its namespaces; None: the node is this machine."""

    name: str
    index: int
    holder: int | None
    netem: Netem
    devices: dict[str, int] = field(default_factory=dict)  # device name: ifindex

    @property
    def home(self) -> Path:
        """The node's directory: configuration, state, logs."""
        return RUN / self.name

    def command(self, argv: list[str]) -> list[str]:
        """Return the command that runs `argv` in this node."""
        if self.holder is None:
            return argv
        return ["nsenter", "-t", str(self.holder), "-m", "-n", "-u", "-i", "-p", "--", *argv]

    def ifindex(self, device: str) -> int:
        """Return a device's index in this node. Raises GuestError."""
        if device not in self.devices:
            indices: list[int] = []

            def look() -> socket.socket:
                indices.append(socket.if_nametoindex(device))
                return netlink_socket()

            try:
                socket_in(self.holder, look).close()
            except OSError as error:
                raise GuestError(f"{self.name}: no device {device}: {error}") from error
            self.devices[device] = indices[0]
        return self.devices[device]


async def create(name: str, index: int) -> Node:
    """Make a node's namespaces and wait until it is usable. Raises GuestError."""
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("--propagation", "slave", "/bin/sh", str(HERE / "holder.sh"), name),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), READY_S)
    if line.strip() != b"ready":
        raise GuestError(f"node {name}: its namespaces did not come up; see the machine's console")
    holder = processes.entered(process.pid)
    _keep.append(process)
    return Node(name, index, holder, Netem(socket_in(holder, netlink_socket)))


def this_machine(name: str, index: int) -> Node:
    """Return the node that is this machine itself."""
    home = RUN / name
    for part in ("etc", "var", "run", "tmp", "log"):
        (home / part).mkdir(parents=True, exist_ok=True)
    Path("/etc/x0").mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(home / "etc"), "/etc/x0"], check=True)
    return Node(name, index, None, Netem(netlink_socket()))


_keep: list[
    asyncio.subprocess.Process
] = []  # a collected Process object would warn that its child still runs
