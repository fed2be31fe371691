# SPDX-License-Identifier: Apache-2.0
"""The limits of this kernel's neighbour tables: read here, refused where they are not this namespace's."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.neightables import NeighbourLimits, NeighbourTables
from tests.integration import netns


def test_the_tables_of_both_families_are_read_as_the_kernel_has_them() -> None:
    tables = NeighbourTables()
    found = tables.limits()
    tables.close()
    assert {"arp_cache", "ndisc_cache"} <= found.keys()
    assert all(0 < limits.soft <= limits.hard for limits in found.values())
    shown = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
    if shown.exists():
        assert found["arp_cache"].hard == int(shown.read_text())


@pytest.mark.skipif(bool(netns.missing()), reason=netns.missing())
def test_another_namespace_may_not_set_them() -> None:
    with netns.pair("neigh") as names, netns.inside(names[0]):
        tables = NeighbourTables()
        before = tables.limits()["arp_cache"]
        with pytest.raises(KernelError, match="setting the limits of the neighbour table arp_cache"):
            tables.set("arp_cache", NeighbourLimits(before.soft, before.hard))
        assert tables.limits()["arp_cache"] == before
        tables.close()
