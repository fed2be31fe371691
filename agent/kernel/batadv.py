# SPDX-License-Identifier: Apache-2.0
"""batman-adv over generic netlink (linux/batman_adv.h, kernel 6.12): the mesh, its hardifs and its tables.

On the wire throughputs are kbit/s (neighbours, originators) or 100 kbit/s (gateways, override), ages ms.
Reading a table needs CAP_NET_ADMIN. Every method raises KernelError.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from agent.kernel import batadvrows as rows
from agent.kernel import netlink as nl
from agent.kernel.batadvrows import Attr
from agent.kernel.errors import InterfaceGoneError, KernelError, NetlinkFormatError, RefusedError
from agent.kernel.genl import Family, interface_index
from agent.readings import TUNIT, Gateway, Hardif, Mesh, Neighbour, Originator

CMD_GET_MESH: Final = 1
CMD_GET_HARDIF: Final = 5
CMD_GET_TRANSTABLE_LOCAL: Final = 6
CMD_GET_TRANSTABLE_GLOBAL: Final = 7
CMD_GET_ORIGINATORS: Final = 8
CMD_GET_NEIGHBORS: Final = 9
CMD_GET_GATEWAYS: Final = 10
CMD_SET_MESH: Final = 15
CMD_SET_HARDIF: Final = 16


class BatAdv:
    """Reads and sets batman-adv in the namespace of the process at the first call."""

    def __init__(self, link_name: Callable[[int], str] | None = None) -> None:
        self._family = Family("batadv", "batman-adv")
        self._name = link_name or rows.index_name

    def mesh(self, which: str | int) -> Mesh:
        """The mesh interface by name or index, without its tables; `mac` is "" while it has no hardif."""
        index = interface_index(which) if isinstance(which, str) else which
        what = f"reading mesh {which}"
        if not index:
            self._family.look()  # where the module is missing, that is what has to be mended
            raise InterfaceGoneError(
                f"{what}: there is no such interface", "`ip link add NAME type batadv`", errno.ENODEV
            )
        try:
            answer = self._family.request(CMD_GET_MESH, nl.u32(Attr.MESH_IFINDEX, index), what)
        except RefusedError as error:
            if error.errno != errno.EINVAL:
                raise
            text = f"{what}: it is no batman-adv interface"
            raise RefusedError(text, "name the batadv interface in the configuration", errno.EINVAL) from None
        if answer is None:
            raise NetlinkFormatError(f"{what}: an acknowledgement instead of an answer")
        return rows.mesh(answer, index, self._name)

    def hardifs(self, index: int) -> tuple[Hardif, ...]:
        """The interfaces the mesh of this index uses."""
        return self._table(CMD_GET_HARDIF, index, rows.hardif(self._name), "hardifs")

    def neighbours(self, index: int) -> tuple[Neighbour, ...]:
        """Who was heard by ELP on which hardif; () while no hardif is active."""
        return self._table(CMD_GET_NEIGHBORS, index, rows.neighbour(self._name), "neighbours")

    def originators(self, index: int, outgoing: int = 0) -> tuple[Originator, ...]:
        """Every way to every originator; () while no hardif is active.

        `outgoing`: a hardif's index. Then those leading in by it, with their metric for what goes out by it.
        """
        table, row = "originators", rows.originator(self._name)
        return self._table(CMD_GET_ORIGINATORS, index, row, table, outgoing)

    def gateways(self, index: int) -> tuple[Gateway, ...]:
        """The gateways heard of; () while no hardif is active."""
        return self._table(CMD_GET_GATEWAYS, index, rows.gateway, "gateways")

    def tt_counts(self, index: int) -> tuple[int, int]:
        """How many translations (client MAC and VLAN) are local and how many are known of others."""
        local = self._table(CMD_GET_TRANSTABLE_LOCAL, index, rows.count, "local translations")
        others = self._table(CMD_GET_TRANSTABLE_GLOBAL, index, rows.count, "global translations")
        return len(local), len(others)

    def set_mesh(
        self,
        index: int,
        *,
        ogm_interval_ms: int | None = None,
        hop_penalty: int | None = None,
        gw_mode: str | None = None,
        gw_down_kbit: int | None = None,
        gw_up_kbit: int | None = None,
        gw_sel_kbit: int | None = None,
        bla: bool | None = None,
        bonding: bool | None = None,
        dat: bool | None = None,
        fragmentation: bool | None = None,
        aggregation: bool | None = None,
    ) -> None:
        """Change what is given; all of it or, where the kernel refuses one value, a part (it says which).

        OGM interval in ms (less than 40 is raised to 40), hop penalty 0-255, bandwidths in kbit/s.
        `gw_sel_kbit` (BATMAN_V): how much more another gateway must offer; it also chooses anew at once.
        """
        if gw_mode is not None and gw_mode not in rows.GW_MODES:
            raise ValueError(f"gateway mode {gw_mode!r}: one of {', '.join(rows.GW_MODES)}")
        words: list[tuple[Attr, int | None]] = [
            (Attr.ORIG_INTERVAL, ogm_interval_ms),
            (Attr.GW_BANDWIDTH_DOWN, None if gw_down_kbit is None else gw_down_kbit // TUNIT),
            (Attr.GW_BANDWIDTH_UP, None if gw_up_kbit is None else gw_up_kbit // TUNIT),
            (Attr.GW_SEL_CLASS, None if gw_sel_kbit is None else max(1, gw_sel_kbit // TUNIT)),
        ]
        octets: list[tuple[Attr, int | None]] = [
            (Attr.HOP_PENALTY, hop_penalty),
            (Attr.GW_MODE, None if gw_mode is None else rows.GW_MODES.index(gw_mode)),
            (Attr.BRIDGE_LOOP_AVOIDANCE_ENABLED, bla),
            (Attr.BONDING_ENABLED, bonding),
            (Attr.DISTRIBUTED_ARP_TABLE_ENABLED, dat),
            (Attr.FRAGMENTATION_ENABLED, fragmentation),
            (Attr.AGGREGATED_OGMS_ENABLED, aggregation),
        ]
        payload = _pack(words, octets)
        if payload:
            head = nl.u32(Attr.MESH_IFINDEX, index)
            self._family.request(CMD_SET_MESH, head + payload, f"setting mesh {self._say(index)}")

    def set_hardif(
        self,
        mesh_index: int,
        hardif_index: int,
        *,
        elp_interval_ms: int | None = None,
        throughput_override_kbit: int | None = None,
        hop_penalty: int | None = None,
    ) -> None:
        """Change what is given. Override in kbit/s, rounded down to 100; 0 lets batman-adv estimate."""
        override = None if throughput_override_kbit is None else throughput_override_kbit // TUNIT
        words = [(Attr.ELP_INTERVAL, elp_interval_ms), (Attr.THROUGHPUT_OVERRIDE, override)]
        payload = _pack(words, [(Attr.HOP_PENALTY, hop_penalty)])
        if payload:
            head = nl.u32(Attr.MESH_IFINDEX, mesh_index) + nl.u32(Attr.HARD_IFINDEX, hardif_index)
            self._family.request(CMD_SET_HARDIF, head + payload, f"setting hardif {self._say(hardif_index)}")

    def close(self) -> None:
        """Close the socket."""
        self._family.close()

    def _table(
        self, command: int, index: int, row: rows.Row[rows.T], name: str, hardif: int = 0
    ) -> tuple[rows.T, ...]:
        asked = nl.u32(Attr.MESH_IFINDEX, index) + (nl.u32(Attr.HARD_IFINDEX, hardif) if hardif else b"")
        try:
            found = self._family.dump(command, asked, row, f"reading {name} of mesh {index}")
        except KernelError as error:
            if error.errno == errno.ENOENT and isinstance(error, RefusedError):
                return ()  # what batman-adv says while its primary hardif is missing or down
            raise
        return tuple(found)

    def _say(self, index: int) -> str:
        try:
            return self._name(index)
        except KernelError:
            return f"with index {index}"


def _pack(words: list[tuple[Attr, int | None]], octets: list[tuple[Attr, int | None]]) -> bytes:
    found = [nl.u32(kind, value) for kind, value in words if value is not None]
    found += [nl.u8(kind, int(value)) for kind, value in octets if value is not None]
    return b"".join(found)
