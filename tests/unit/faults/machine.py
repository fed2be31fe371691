# SPDX-License-Identifier: Apache-2.0
"""A hand-written machine: everything well unless changed, and how it was over the last seconds."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.faults.base import View
from agent.hostreadings import Clock, Disk, Heat, Host, NeighbourTable
from agent.readings import Service
from tests.unit.faults.hand import NOW, snapshot, view

MB = 1_000_000
GOOD = Clock(step_s=0.0, trusted_offset=1.7e9, unsynchronised_age=0.0)


def host(**changes: Any) -> Host:
    base = Host(
        mem_total=1000 * MB,
        mem_available=600 * MB,
        psi_memory=0.0,
        root_read_only=False,
        disks=(Disk("/", 8000 * MB, 5000 * MB, 500_000, 400_000),),
        neighbour_tables=(
            NeighbourTable("arp_cache", 12, 1024, 0),
            NeighbourTable("ndisc_cache", 9, 1024, 0),
        ),
        heat=Heat("cpu-thermal", 50.0, 80.0),
        under_voltage=False,
        clock=GOOD,
    )
    return msgspec.structs.replace(base, **changes)


def seen(*before: Host | None, now: Host | None, every: float = 1.0, **changes: Any) -> View:
    """`before`: the readings of the last seconds, oldest first, `every` seconds apart."""
    times = [NOW - every * (len(before) - number) for number in range(len(before))]
    history = tuple(snapshot(at=at, host=each) for at, each in zip(times, before, strict=True))
    return view(snapshot(host=now, wall=1.79e9, services=services()), history=history, **changes)


def lasting(bad: Host, seconds: int, **changes: Any) -> View:
    """Well once, then bad for so many seconds."""
    return seen(host(), *[bad] * seconds, now=bad, **changes)


def services() -> tuple[Service, ...]:
    return (Service("broker", "running", 77),)
