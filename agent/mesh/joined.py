# SPDX-License-Identifier: Apache-2.0
"""What a radio was last joined to, kept in the interface's alias: the kernel tells no 802.11s mesh id.

Neither GET_INTERFACE nor the mesh parameters nor the station and path tables have it (kernel 6.12). The alias
lives as long as the interface and outlives the agent, and `ip link` shows it. A person's text in it stays:
ours is put behind it. What a person joins by hand on the same channel is not noticed.
"""

from __future__ import annotations

from typing import Final

from agent.kernel.links import ALIAS_MAX, Links

MARK: Final = "x0-mesh="
PARTED: Final = "; "  # a person's text from ours

Joined = tuple[int, str]  # MHz, mesh id or SSID


def read(name: str, links: Links) -> Joined | None:
    """What the alias says; None where it says nothing or nonsense. KernelError."""
    _, mark, told = links.alias(name).partition(MARK)
    freq, _, mesh_id = told.partition(" ")
    return (int(freq), mesh_id) if mark and mesh_id and freq.isascii() and freq.isdigit() else None


def write(name: str, joined: Joined | None, links: Links) -> None:
    """Keep it, or with None nothing. A person's text is cut where both do not fit. KernelError."""
    before = links.alias(name)
    theirs = before.partition(MARK)[0].removesuffix(PARTED)
    after = theirs
    if joined is not None:
        ours = f"{MARK}{joined[0]} {joined[1]}"
        room = ALIAS_MAX - len((PARTED + ours).encode())
        theirs = theirs.encode()[:room].decode(errors="ignore")
        after = f"{theirs}{PARTED}{ours}" if theirs else ours
    if after != before:
        links.set_alias(name, after)
