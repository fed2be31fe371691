# SPDX-License-Identifier: Apache-2.0
"""What the configuration wants of the kernel's mesh, where it leaves the details to us. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from agent.mesh.timers import Rest
from agent.readings import Link

if TYPE_CHECKING:
    from agent.config import Interface, Mesh

WIRE_KBIT: Final = 1_000_000  # a veth says 10 Gbit/s, a macsec or virtio nothing (batman-adv: 1 Mbit/s)
AUTOMATIC: Final = 0  # batman-adv asks the device itself and follows its renegotiation
MEASURE: Final = "measure"  # the word of the configuration
LOCAL_MAC: Final = 0x02  # locally administered, unicast


class HardifSettings(msgspec.Struct, frozen=True):
    """What batman-adv forgets whenever an interface leaves the mesh."""

    elp_interval_ms: int
    throughput_override_kbit: int  # 0: automatic


def primary_mac(mesh: Mesh, node: str, machine_id: str) -> str:
    """The dummy primary's MAC, the node's originator address: as configured, else from machine and name."""
    if mesh.primary_mac != "auto":
        return mesh.primary_mac
    return _local_mac(f"x0 primary {machine_id} {node}")


def mesh_mac(primary: str) -> str:
    """The mesh interface's MAC, always the same for one primary.

    batman-adv takes a random one at each boot. The others' distributed ARP table (DAT) then answers with the
    last one for five minutes, even the kernels' own questions: the node is in the mesh and cannot be reached.
    """
    return _local_mac(f"x0 mesh {primary}")


def hardif_mac(primary: str, name: str) -> str:
    """An address for an interface whose own one is another's too; always the same on this node."""
    return _local_mac(f"x0 hardif {primary} {name}")


def _local_mac(seed: str) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return ":".join(f"{octet:02x}" for octet in bytes([digest[0] & 0xFC | LOCAL_MAC]) + digest[1:6])


def hardif_settings(
    interface: Interface,
    link: Link,
    speed_kbit: int | None,
    rest: Rest,
    measured_kbit: int | None = None,
    *,
    secured: bool = False,
) -> HardifSettings:
    """ELP interval and throughput of an interface; `speed_kbit`: what the device says, None where nothing."""
    elp = rest.radio_elp_ms if interface.kind == "radio" else rest.wire_elp_ms
    return HardifSettings(elp, throughput_kbit(interface, link, speed_kbit, measured_kbit, secured=secured))


def throughput_kbit(
    interface: Interface,
    link: Link,
    speed_kbit: int | None,
    measured_kbit: int | None = None,
    *,
    secured: bool = False,
) -> int:
    """What batman-adv shall be told of an interface; 0: it asks the device, or measures the radio.

    `measured_kbit`: what a test over the wire carried (agent/mesh/metering.py), None where there was none.
    `secured`: it has a macsec device of it, which knows no wire's speed and hands radios' questions on.
    """
    if interface.kind == "radio":
        return AUTOMATIC
    if isinstance(interface.throughput, int):
        return interface.throughput
    if interface.throughput == MEASURE and measured_kbit is not None:
        return measured_kbit
    if link.kind != "" or speed_kbit is None:
        return WIRE_KBIT
    return speed_kbit if secured else AUTOMATIC
