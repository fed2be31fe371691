# SPDX-License-Identifier: Apache-2.0
"""Brings a radio into the configured 802.11s mesh or IBSS; leaves one that is in it untouched. Blocking.

Being in a mesh shows: the kernel tells a channel then, of an IBSS the SSID at once and the channel when it
has formed. In which 802.11s mesh does not; agent/mesh/joined.py remembers it. A radio of which nobody knows
leaves and joins.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.kernel.errors import KernelError, RefusedError
from agent.kernel.links import Links
from agent.kernel.nl80211 import MAX_MESH_ID, Nl80211
from agent.kernel.regulatory import set_country
from agent.mesh import joined
from agent.mesh.errors import MeshSetupError
from agent.readings import Radio

if TYPE_CHECKING:
    from agent.config import Interface

JOINED_KINDS: Final = ("mesh", "ibss")
LEFT_ALREADY: Final = frozenset({errno.ENOTCONN, errno.ENOLINK})  # 802.11s and IBSS say it differently

log = logging.getLogger("x0.mesh")


def join(
    interface: Interface,
    links: Links,
    wifi: Nl80211,
    country: Callable[[str], None] = set_country,
) -> None:
    """Type, up, join, if it is not so. `mode: auto`: 802.11s, else IBSS. MeshSetupError, KernelError."""
    name = interface.name
    radio = _find(name, wifi)
    if radio is None:
        raise MeshSetupError(
            f"{name} is configured as a radio, but the kernel knows no wireless interface of that name: "
            "look with `iw dev`, or make its kind wire"
        )
    wanted = _wanted(interface)
    kinds = JOINED_KINDS if interface.mode == "auto" else (interface.mode,)
    known = joined.read(name, links)
    if radio.kind in kinds and is_in(radio) and _agrees(radio, known, wanted):
        return
    if interface.country:
        country(interface.country)
    if known != wanted:  # first: killed in between, the next agent knows nothing, and nothing wrong
        joined.write(name, None, links)
    if is_in(radio):
        leave(radio.index, radio.kind, wifi)
    kind = _become(radio, kinds, links, wifi)
    links.set_up(name)
    try:
        enter(radio.index, kind, wanted, wifi)
    except RefusedError as error:
        if error.errno != errno.EALREADY:
            raise
        if known == wanted:
            return  # in it, and the driver told no channel
        leave(radio.index, kind, wifi)
        enter(radio.index, kind, wanted, wifi)
    try:
        joined.write(name, wanted, links)
    except KernelError as error:
        log.warning("%s is in its mesh, but the next agent will join it again: %s", name, error)


def is_out(name: str, wifi: Nl80211) -> bool:
    """Is it a mesh's radio, but in none, as after `ip link set DEV down` and up again? KernelError."""
    radio = _find(name, wifi)
    return radio is not None and radio.kind in JOINED_KINDS and not is_in(radio)


def _find(name: str, wifi: Nl80211) -> Radio | None:
    return next((found for found in wifi.interfaces() if found.name == name), None)


def _wanted(interface: Interface) -> joined.Joined:
    name, mesh_id = interface.name, interface.mesh_id
    if interface.frequency is None:
        raise MeshSetupError(f"radio {name} has no frequency: give mesh.interfaces its frequency in MHz")
    size = len(mesh_id.encode())
    if not 0 < size <= MAX_MESH_ID:
        raise MeshSetupError(
            f"the mesh_id {mesh_id!r} of {name} has {size} bytes: 1 to {MAX_MESH_ID}; letters beyond ASCII "
            "have two and more"
        )
    return interface.frequency, mesh_id


def is_in(radio: Radio) -> bool:
    """Does the kernel tell that it is in a mesh or IBSS?"""
    return radio.kind in JOINED_KINDS and (radio.freq_mhz is not None or radio.mesh_id != "")


def _agrees(radio: Radio, known: joined.Joined | None, wanted: joined.Joined) -> bool:
    """The kernel's word counts first; where it is silent, what is remembered."""
    if (radio.freq_mhz, radio.mesh_id) == wanted:
        return True
    told = radio.freq_mhz in (None, wanted[0]) and radio.mesh_id in ("", wanted[1])
    return told and known == wanted


def enter(index: int, kind: str, wanted: joined.Joined, wifi: Nl80211) -> None:
    """Join. KernelError; RefusedError with EALREADY where it is in one."""
    freq, mesh_id = wanted
    if kind == "mesh":
        wifi.join_mesh(index, mesh_id, freq, forwarding=False)
    else:
        wifi.join_ibss(index, mesh_id, freq)


def leave(index: int, kind: str, wifi: Nl80211) -> None:
    """Leave; being in none is as good. KernelError."""
    try:
        if kind == "mesh":
            wifi.leave_mesh(index)
        else:
            wifi.leave_ibss(index)
    except RefusedError as error:
        if error.errno not in LEFT_ALREADY:
            raise


def _become(radio: Radio, kinds: tuple[str, ...], links: Links, wifi: Nl80211) -> str:
    """The first of the kinds the driver accepts (not all have a mesh mode); it may be down then."""
    if radio.kind == kinds[0]:
        return kinds[0]
    links.set_down(radio.name)
    refusal: KernelError | None = None
    for kind in kinds:
        try:
            wifi.set_type(radio.index, kind)
        except RefusedError as error:
            refusal = error
        else:
            return kind
    raise MeshSetupError(f"{radio.name} can be made neither {' nor '.join(kinds)}: {refusal}")
