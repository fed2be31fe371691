# SPDX-License-Identifier: Apache-2.0
"""The kernel's tables of IP neighbours: how full, and how often one was refused.

They are shared by the whole machine and shown in its first network namespace only: where others share a
machine, as in the lab, none of them answers for it.
"""

from __future__ import annotations

from pathlib import Path

from agent.hostreadings import NeighbourTable
from agent.sensors.reading import attempt, text

TABLES = {"arp_cache": "ipv4", "ndisc_cache": "ipv6"}


def tables(proc: Path) -> tuple[NeighbourTable, ...]:
    """Those that can be read."""
    found = (attempt(_table, proc, name, family) for name, family in TABLES.items())
    return tuple(table for table in found if table is not None)


def _table(proc: Path, name: str, family: str) -> NeighbourTable:
    """/proc/net/stat: a head, then hexadecimal numbers for each CPU; `entries` is the same in all."""
    head, *lines = text(proc / "net/stat" / name).splitlines()
    columns = head.split()
    entries, refused = columns.index("entries"), columns.index("table_fulls")
    rows = [line.split() for line in lines if line.strip()]
    limit = int(text(proc / "sys/net" / family / "neigh/default/gc_thresh3"))
    return NeighbourTable(name, int(rows[0][entries], 16), limit, sum(int(row[refused], 16) for row in rows))
