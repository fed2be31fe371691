# SPDX-License-Identifier: Apache-2.0
"""Building, starting and ending a lab."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from tools.lab import claim, evidence, nodeconfig, qemu, state
from tools.lab.client import Lab
from tools.lab.errors import LabError, MachineError, NotReadyError
from tools.lab.qemu import Cable, Plan
from tools.lab.state import LabState, Machine
from tools.lab.topology import Link, Topology, parse

BOOT_S = 120.0  # a boot takes 5 s on two free cores; builders beside it make it ten times slower
MESH_S = 120.0
AGENTS_S = 180.0
SHARED_MB = 1500  # a machine that holds all nodes
OWN_MB = 640  # a machine of one node
POLL_S = 0.05
HELLO_S = 0.5  # QEMU takes a connection before the machine has its network, and it then hangs
Say = Callable[[str], None]


class Authority(Protocol):
    """What of tools/lab/identities.py is used; that one loads the crypto libraries."""

    settings: Mapping[str, Any]

    def enrol(self, lab: Lab, node: str) -> None: ...


def build() -> Path:
    """Return the directory of the lab's image, built if its recipe changed. X0_LAB_IMAGE names another."""
    given = os.environ.get("X0_LAB_IMAGE")
    if given:
        return Path(given)
    done = subprocess.run(
        [sys.executable, "-m", "image.build", "lab"],
        cwd=state.TREE,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"the lab's image was not built (exit {done.returncode}); its reason stands above")
    return Path(done.stdout.strip().splitlines()[-1])


def up(
    topology_text: str,
    *,
    name: str = "lab",
    agents: bool = True,
    overrides: dict[str, Any] | None = None,
    systemd: bool = False,
    wait: bool = True,
    authority: Authority | None = None,
    say: Say = lambda _text: None,
) -> Lab:
    """Start a lab and return it when it is ready: every agent healthy, and the mesh's ends answering.

    `authority`: links are secured, and each node has its identity of it.

    Raises UsageError when it runs already; on any other failure nothing is left running.
    """
    topology = parse(topology_text)
    if topology.text.endswith((".yaml", ".yml")):
        topology_text = str(Path(topology_text).resolve())
    overrides = (nodeconfig.SYSTEMD if systemd else {}) | (overrides or {})
    if authority is not None:
        overrides = dict(authority.settings) | overrides
    with claim.starting(name, down) as folder:
        try:
            image = build()
            started = time.monotonic()
            token = secrets.token_hex(16)
            (folder / "token").touch(mode=0o600)
            (folder / "token").write_text(token)
            machines = _start_machines(topology, image, folder, systemd=systemd)
            lab = Lab(
                LabState(
                    name, topology_text, agents, time.time(), token, tuple(machines), authority is not None
                )
            )
            state.save(lab.state)
            with ThreadPoolExecutor(len(machines)) as pool:
                list(pool.map(lambda machine: _set_up(lab, machine, overrides, agents=agents), machines))
            say(f"{topology.count} nodes set up after {time.monotonic() - started:.1f} s")
            if authority is not None:
                for node in lab.nodes:
                    authority.enrol(lab, node)
            if agents:
                _start_agents(lab)
            if wait:
                _wait(lab, agents=agents)
                say(f"ready after {time.monotonic() - started:.1f} s")
        except BaseException as error:
            if isinstance(error, Exception):  # not who was interrupted: that leaves nothing
                _keep_evidence(name)
            down(name)
            raise
    return lab


def _start_machines(topology: Topology, image: Path, folder: Path, *, systemd: bool) -> list[Machine]:
    numbers = range(1, topology.count + 1)
    groups = [[number] for number in numbers] if topology.machines else [list(numbers)]
    udp = iter(qemu.free_ports(2 * len(topology.links), socket.SOCK_DGRAM) if topology.machines else [])
    ports = {
        (i, end): next(udp)
        for i, link in enumerate(topology.links)
        for end in (link.a, link.b)
        if topology.machines
    }
    machines: list[Machine] = []
    try:
        for group in groups:
            # one by one: if the third fails, the first two must be known
            machines.append(_start_machine(topology, group, ports, image, folder, systemd=systemd))  # noqa: PERF401
    except BaseException:
        for machine in machines:
            qemu.end(machine.pid, folder.name)
        raise
    return machines


def _start_machine(
    topology: Topology,
    group: list[int],
    ports: dict[tuple[int, int], int],
    image: Path,
    folder: Path,
    *,
    systemd: bool,
) -> Machine:
    name = f"n{group[0]}" if topology.machines else "mesh"
    cables = tuple(
        Cable(link.mac(group[0]), ports[i, group[0]], ports[i, link.other(group[0])])
        for i, link in (topology.links_of(group[0]) if topology.machines else [])
    )
    for attempt in range(qemu.PORT_TRIES):
        port, *pages = qemu.free_ports(1 + len(group))
        memory = OWN_MB if topology.machines else SHARED_MB
        plan = Plan(name, memory, port, dict(zip(group, pages, strict=True)), cables, systemd)
        try:
            pid = qemu.start(plan, image, folder)
        except LabError as error:
            if "hostfwd" not in str(error) or attempt == qemu.PORT_TRIES - 1:
                raise
            continue  # someone took a port between our look and QEMU's
        nodes = tuple(f"n{number}" for number in group)
        return Machine(name, pid, port, nodes, dict(zip(nodes, pages, strict=True)))
    raise AssertionError("unreachable: the last try returns or raises")


def _set_up(lab: Lab, machine: Machine, overrides: dict[str, Any], *, agents: bool) -> None:
    deadline = time.monotonic() + BOOT_S
    while True:
        try:
            lab.request(machine, {"op": "hello"}, timeout=HELLO_S)
            break
        except MachineError:
            raise
        except LabError as error:
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"machine {machine.name} did not answer within {BOOT_S:.0f} s: {error}"
                ) from error
            time.sleep(POLL_S)
    told = spec(lab.topology, machine, overrides, mesh=not agents)
    # a machine without KVM starts with a clock of whole seconds: several would differ
    lab.request(machine, {"op": "setup", "now": time.time(), "spec": told}, BOOT_S)


def spec(topology: Topology, machine: Machine, overrides: dict[str, Any], *, mesh: bool) -> dict[str, Any]:
    """Return what one machine is told to make."""
    numbers = [topology.number(node) for node in machine.nodes]
    nodes = [
        {
            "name": f"n{number}",
            "index": number,
            "radio": any(link.kind == "radio" for _, link in topology.links_of(number)),
            "address": f"{nodeconfig.address(number)}/{nodeconfig.PREFIX_LENGTH}",
            "files": nodeconfig.files(topology, number, overrides),
        }
        for number in numbers
    ]
    edges = [
        _edge(i, link, numbers) for i, link in enumerate(topology.links) if {link.a, link.b} & set(numbers)
    ]
    return {"machine": topology.machines, "mesh": mesh, "nodes": nodes, "edges": edges}


def _edge(number: int, link: Link, here: list[int]) -> dict[str, Any]:
    return {
        "id": number,
        "kind": link.kind,
        "ends": [
            {"node": f"n{end}", "device": link.device(end), "mac": link.mac(end)}
            for end in (link.a, link.b)
            if end in here
        ],
        "peers": [f"n{link.a}", f"n{link.b}"],
        "delay_ms": link.delay_ms,
        "loss_percent": link.loss_percent,
        "rate_bit": link.rate_bit,
    }


def _start_agents(lab: Lab) -> None:
    with ThreadPoolExecutor(len(lab.nodes)) as pool:
        list(pool.map(lambda node: lab.agent(node, "start"), lab.nodes))


def _wait(lab: Lab, *, agents: bool) -> None:
    if agents:
        wait_healthy(lab, lab.nodes, AGENTS_S)
    if lab.topology.count > 1 and lab.topology.links:
        wait_answer(lab, lab.nodes[0], lab.nodes[-1], MESH_S)


def wait_healthy(lab: Lab, nodes: tuple[str, ...] | list[str], seconds: float) -> None:
    """Return when all agents are healthy at one look. Raises NotReadyError with the evidence."""
    deadline = time.monotonic() + seconds
    waiting = list(nodes)
    while True:
        # who was ill is asked first; only a look at all, for one may fall ill while another recovers, counts
        states = {node: lab.health(node) for node in waiting}
        if set(states.values()) == {"healthy"}:
            states = {node: lab.health(node) for node in nodes}
        waiting = [node for node, told in states.items() if told != "healthy"]
        if not waiting:
            return
        lab.check()
        if time.monotonic() > deadline:
            told = ", ".join(f"{node} {states[node]}" for node in waiting)
            raise NotReadyError(f"not healthy after {seconds:.0f} s: {told}\n{evidence.of(lab, waiting)}")
        time.sleep(POLL_S * 4)


def wait_answer(lab: Lab, source: str, target: str, seconds: float) -> None:
    """Return when `target` answers a ping of `source` over the mesh. Raises NotReadyError."""
    where = nodeconfig.address(lab.topology.number(target))
    script = (
        f"end=$(($(date +%s) + {int(seconds)})); until ping -n -c1 -W1 {where} >/dev/null 2>&1; do "
        "[ $(date +%s) -lt $end ] || exit 1; sleep 0.1; done"
    )
    if lab.exec(source, "sh", "-c", script, check=False, timeout=seconds + 30).exit:
        raise NotReadyError(
            f"{target} ({where}) does not answer {source} after {seconds:.0f} s; see: lab status"
        )


def _keep_evidence(name: str) -> None:
    """Keep the consoles of a lab that failed to start: `down` removes the rest."""
    for console in state.folder(name).glob("*.console"):
        shutil.copy(console, state.LABS / f"{name}.{console.stem}.failed.console")


def down(name: str) -> bool:
    """End a lab and remove what it left; return whether there was one."""
    folder = state.folder(name)
    pids = [int(path.read_text()) for path in folder.glob("*.pid") if path.read_text().strip().isdecimal()]
    for pid in pids:
        qemu.end(pid, name)
    existed = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    return existed


def down_ours(name: str) -> bool:
    """End a lab if this process started it, and no other's of the same name; return whether it did."""
    return claim.ours(name) and down(name)
