# SPDX-License-Identifier: Apache-2.0
"""Brings a radio into the configured 802.11s mesh or IBSS; leaves one that is in it untouched. Blocking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.kernel.errors import KernelError, RefusedError
from agent.kernel.links import Links
from agent.kernel.nl80211 import Nl80211
from agent.kernel.regulatory import set_country
from agent.mesh.errors import MeshSetupError
from agent.readings import Radio

if TYPE_CHECKING:
    from agent.config import Interface

JOINED_KINDS: Final = ("mesh", "ibss")


def join(
    interface: Interface,
    mtu: int,
    links: Links,
    wifi: Nl80211,
    country: Callable[[str], None] = set_country,
) -> None:
    """Type, MTU, up, join. `mode: auto` tries 802.11s, then IBSS. MeshSetupError, KernelError."""
    name = interface.name
    radio = next((found for found in wifi.interfaces() if found.name == name), None)
    if radio is None:
        raise MeshSetupError(
            f"{name} is configured as a radio, but the kernel knows no wireless interface of that name: "
            "look with `iw dev`, or make its kind wire"
        )
    if interface.frequency is None:
        raise MeshSetupError(f"radio {name} has no frequency: give mesh.interfaces its frequency in MHz")
    kinds = JOINED_KINDS if interface.mode == "auto" else (interface.mode,)
    if radio.kind in kinds and radio.mesh_id == interface.mesh_id and radio.freq_mhz == interface.frequency:
        return
    if interface.country:
        country(interface.country)
    _leave(radio, wifi)
    kind = _become(radio, kinds, links, wifi)
    link = links.get(name)
    if link is not None and link.mtu < mtu:
        links.set_mtu(name, mtu)
    links.set_up(name)
    if kind == "mesh":
        wifi.join_mesh(radio.index, interface.mesh_id, interface.frequency, forwarding=False)
    else:
        wifi.join_ibss(radio.index, interface.mesh_id, interface.frequency)


def _leave(radio: Radio, wifi: Nl80211) -> None:
    if radio.mesh_id and radio.kind == "mesh":
        wifi.leave_mesh(radio.index)
    elif radio.mesh_id and radio.kind == "ibss":
        wifi.leave_ibss(radio.index)


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
