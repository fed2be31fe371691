# SPDX-License-Identifier: Apache-2.0
"""Makes what the host's topology says: nodes, wires, radios and, where no agent does it, the mesh."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.lab.guest import nodes
from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node

WIRE_MTU = 1600  # batman-adv's 32 bytes, MACsec's 32 and 802.1Q fit beside 1500 bytes of payload
PRIMARY = "x0prim"  # the dummy whose address is the node's identity in the mesh, whatever its links do
HWSIM_OFF = 1 << 62  # a group bit that no edge has: a radio with no edge hears nobody

DEBUG_RADIOS = Path("/sys/kernel/debug/ieee80211")


@dataclass(frozen=True)
class End:
    """One end of an edge on this machine."""

    node: str
    device: str
    mac: str


@dataclass(frozen=True)
class Edge:
    """A link between two nodes. Delay, loss and rate hold in each direction. 0: unshaped."""

    id: int
    kind: str  # wire | radio | cable (to another machine)
    ends: tuple[End, ...]
    peers: tuple[str, ...]
    delay_ms: float
    loss_percent: float
    rate_bit: int

    @property
    def shaped(self) -> bool:
        """Whether netem stands on this edge at rest."""
        return bool(self.delay_ms or self.loss_percent or self.rate_bit)


async def run(argv: list[str], text: str = "") -> str:
    """Run a set-up command and return its output. Raises GuestError with what it said."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(text.encode())
    if process.returncode:
        raise GuestError(
            f"{' '.join(argv)} ended with {process.returncode}: {output.decode()[-2000:]} <- {text}"
        )
    return output.decode()


def edge_of(spec: dict[str, Any]) -> Edge:
    """Read an edge as the host describes it."""
    ends = tuple(End(**end) for end in spec["ends"])
    return Edge(
        *(spec["id"], spec["kind"], ends, tuple(spec["peers"])),
        *(spec["delay_ms"], spec["loss_percent"], spec["rate_bit"]),
    )


async def make_nodes(spec: dict[str, Any]) -> dict[str, Node]:
    """Make all nodes at once, or take this machine as the one node."""
    wanted = [(node["name"], node["index"]) for node in spec["nodes"]]
    if spec["machine"]:
        return {name: nodes.this_machine(name, index) for name, index in wanted}
    made = await asyncio.gather(*(nodes.create(name, index) for name, index in wanted))
    attach = "".join(f"netns attach {node.name} {node.holder}\n" for node in made)
    await run(["ip", "-batch", "-"], attach)  # so that `ip -n n1` works for a technician in the machine
    return {node.name: node for node in made}


async def make_wires(edges: list[Edge], members: dict[str, Node]) -> None:
    """Make the veth pairs, name the cables between machines, shape both directions."""
    batch = ""
    for edge in edges:
        if edge.kind == "wire":
            a, b = edge.ends
            batch += (
                f"link add name {a.device} netns {a.node} mtu {WIRE_MTU} address {a.mac} type veth "
                f"peer name {b.device} netns {b.node} mtu {WIRE_MTU} address {b.mac}\n"
            )
    if batch:
        await run(["ip", "-batch", "-"], batch)
    for edge in edges:
        if edge.kind == "cable":
            (end,) = edge.ends
            present = {
                (path / "address").read_text().strip(): path.name for path in Path("/sys/class/net").iterdir()
            }
            if end.mac not in present:
                raise GuestError(f"{end.node}: no network card {end.mac} for {end.device}")
            await run(["ip", "link", "set", present[end.mac], "name", end.device, "mtu", str(WIRE_MTU)])
    ups = [(end, edge) for edge in edges if edge.kind != "radio" for end in edge.ends]
    for name, node in members.items():
        text = "".join(f"link set {end.device} up\n" for end, _ in ups if end.node == name)
        if text:
            await run(node.command(["ip", "-batch", "-"]), text)
    for end, edge in ups:
        if edge.shaped:
            restore(members[end.node], end.device, edge)


def restore(node: Node, device: str, edge: Edge) -> None:
    """Give a device the shape its edge has at rest."""
    if edge.shaped:
        node.netem.shape(
            node.ifindex(device),
            delay_ms=edge.delay_ms,
            loss_percent=edge.loss_percent,
            rate_bit=edge.rate_bit,
        )
    else:
        node.netem.clear(node.ifindex(device))


async def make_radios(radios: list[str], members: dict[str, Node]) -> dict[str, str]:
    """Give each named node one simulated radio as wlan0. Returns node: phy."""
    if not radios:
        return {}
    await run(["modprobe", "mac80211_hwsim", f"radios={len(radios)}"])
    phys = sorted(
        (path.name for path in Path("/sys/class/ieee80211").iterdir()), key=lambda name: int(name[3:])
    )
    owner = dict(zip(radios, phys, strict=True))
    for name, phy in owner.items():
        node = members[name]
        (device,) = [path.name for path in Path(f"/sys/class/ieee80211/{phy}/device/net").iterdir()]
        if node.holder is not None:
            await run(["iw", "phy", phy, "set", "netns", str(node.holder)])
        await run(node.command(["ip", "link", "set", device, "name", "wlan0"]))
    return owner


def group_bits(name: str, edges: list[Edge], cut: set[int]) -> int:
    """Return a radio's hwsim group: the bits of the edges it belongs to that are not cut."""
    mine = [edge.id for edge in edges if edge.kind == "radio" and any(end.node == name for end in edge.ends)]
    return sum(1 << edge for edge in mine if edge not in cut) or HWSIM_OFF


def set_group(phy: str, bits: int) -> None:
    """Tell the simulated radio which edges it is on."""
    (DEBUG_RADIOS / phy / "hwsim" / "group").write_text(str(bits))


def hardifs(name: str, edges: list[Edge]) -> list[str]:
    """Return a node's wires, in the edges' order."""
    return [end.device for edge in edges if edge.kind != "radio" for end in edge.ends if end.node == name]


async def make_mesh(node: Node, wires: list[str], radio: bool, address: str) -> None:
    """Set up what an agent would: bat0 with a dummy primary, the node's devices as hardifs, its address."""
    script = [
        "set -e",
        "batctl meshif bat0 interface create routing_algo BATMAN_V",
        "batctl meshif bat0 bl 0",
    ]
    script += [
        f"ip link add {PRIMARY} address 02:78:30:{node.index:02x}:ff:00 mtu {WIRE_MTU} type dummy",
        f"ip link set {PRIMARY} up",
        f"batctl meshif bat0 interface -M add {PRIMARY}",
    ]
    if radio:
        script += [
            "iw dev wlan0 set type mp",
            f"ip link set wlan0 mtu {WIRE_MTU}",
            "ip link set wlan0 up",
            "iw dev wlan0 mesh join x0lab freq 2412 HT20",
            "iw dev wlan0 set mesh_param mesh_fwding 0",
        ]
    script += [f"batctl meshif bat0 interface -M add {device}" for device in wires + ["wlan0"] * radio]
    script += [f"ip address add {address} dev bat0", "ip link set bat0 up"]
    await run(node.command(["sh", "-c", "\n".join(script)]))
