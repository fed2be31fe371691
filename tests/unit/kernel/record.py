# SPDX-License-Identifier: Apache-2.0
"""Records real netlink answers on a lab node: `python3 -m tests.unit.kernel.record FOLDER MESH [RADIO]`."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

from agent.kernel.batadv import BatAdv
from agent.kernel.errors import KernelError
from agent.kernel.genl import Family
from agent.kernel.links import Links
from agent.kernel.nl80211 import Nl80211
from agent.kernel.nlsocket import NetlinkSocket

NOBODY = 999_999  # an interface index that does not exist


def record(folder: Path, name: str, question: Callable[[], object]) -> None:
    """Ask, and write every message that came to FOLDER/NAME.bin; a refusal is recorded like an answer."""
    heard: list[bytes] = []
    receive = NetlinkSocket._receive

    def listening(self: NetlinkSocket, what: str) -> int:
        size = receive(self, what)
        heard.append(bytes(self._buffer[:size]))
        return size

    NetlinkSocket._receive = listening  # type: ignore[method-assign]
    try:
        question()
    except KernelError:
        pass
    finally:
        NetlinkSocket._receive = receive  # type: ignore[method-assign]
    (folder / f"{name}.bin").write_bytes(b"".join(struct.pack("=I", len(part)) + part for part in heard))


def main(folder: Path, mesh: str, radio: str = "") -> None:
    """Record everything the unit tests read."""
    batadv, links, nl80211 = BatAdv(), Links(), Nl80211()
    index = links.index(mesh)
    record(folder, "batadv_family_mesh", lambda: BatAdv().mesh(index))
    batadv.mesh(index)  # the family is looked up here, so that the recordings below are the tables alone
    tables: dict[str, Callable[[int], object]] = {
        "hardifs": batadv.hardifs,
        "neighbours": batadv.neighbours,
        "originators": batadv.originators,
        "gateways": batadv.gateways,
        "tt": batadv.tt_counts,
    }
    for name, table in tables.items():
        record(folder, f"batadv_{name}", lambda table=table: table(index))  # type: ignore[misc]
    record(folder, "batadv_neighbours_not_a_mesh", lambda: batadv.neighbours(links.index("lo")))
    record(folder, "batadv_neighbours_gone", lambda: batadv.neighbours(NOBODY))
    record(folder, "batadv_set_acknowledged", lambda: batadv.set_mesh(index, hop_penalty=30))
    record(folder, "family_missing", lambda: Family("x0none", "x0none").request(1, b"", "recording"))
    record(folder, "route_links", links.dump)
    record(folder, "route_addresses", lambda: links.addresses(mesh))
    record(folder, "route_link_gone", lambda: links.get("x0nobody"))
    record(folder, "route_exists", lambda: links.create_batadv(mesh))
    links.create_batadv("x0rec")
    other = links.index("x0rec")
    record(folder, "batadv_neighbours_without_primary", lambda: batadv.neighbours(other))
    record(folder, "batadv_mesh_without_primary", lambda: batadv.mesh(other))
    links.delete("x0rec")
    if radio:
        place = links.index(radio)
        nl80211.interfaces()
        record(folder, "nl80211_interfaces", nl80211.interfaces)
        record(folder, "nl80211_stations", lambda: nl80211.stations(place))
        record(folder, "nl80211_wiphys", nl80211.wiphys)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
