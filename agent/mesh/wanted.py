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


def _local_mac(seed: str) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return ":".join(f"{octet:02x}" for octet in bytes([digest[0] & 0xFC | LOCAL_MAC]) + digest[1:6])


def hardif_settings(interface: Interface, link: Link, speed_kbit: int | None, rest: Rest) -> HardifSettings:
    """ELP interval and throughput of an interface; `speed_kbit`: what the device says, None where nothing."""
    if interface.kind == "radio":
        return HardifSettings(rest.radio_elp_ms, AUTOMATIC)
    if interface.throughput != "auto":
        return HardifSettings(rest.wire_elp_ms, interface.throughput)
    known = link.kind == "" and speed_kbit is not None
    return HardifSettings(rest.wire_elp_ms, AUTOMATIC if known else WIRE_KBIT)
