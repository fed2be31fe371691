# SPDX-License-Identifier: Apache-2.0
"""What the host sensor reads of the machine itself, as frozen values (as agent/readings.py)."""

from __future__ import annotations

import msgspec


class Disk(msgspec.Struct, frozen=True):
    """One file system the node writes to, bytes; inodes are 0 where it does not count them."""

    path: str
    total: int
    free: int
    inodes: int = 0
    inodes_free: int = 0


class Process(msgspec.Struct, frozen=True):
    """One process and its resident memory, bytes."""

    pid: int
    name: str
    rss: int


class NeighbourTable(msgspec.Struct, frozen=True):
    """One of the kernel's tables of IP neighbours, shared by all its interfaces."""

    name: str  # "arp_cache" (IPv4), "ndisc_cache" (IPv6)
    entries: int
    limit: int  # gc_thresh3: more are refused
    overflows: int  # entries refused since boot (table_fulls)


class Heat(msgspec.Struct, frozen=True):
    """The thermal zone nearest to its limit, Celsius."""

    zone: str
    celsius: float
    limit: float  # above it is too hot


class Clock(msgspec.Struct, frozen=True):
    """What the wall clock did since it was last known to be right."""

    step_s: float | None  # how far it is from where the monotonic clock says it should be; None: never right
    trusted_offset: float | None  # wall minus time since boot, when it was last known to be right
    unsynchronised_age: float | None  # seconds since it was last set, as far as is known; None: never was
    service: str = ""  # systemd unit of the time service that runs here


class Host(msgspec.Struct, frozen=True):
    """The machine: shares are 0..1, memory and disk in bytes, temperatures in Celsius."""

    cpu_share: float | None = None
    load1: float | None = None
    mem_total: int | None = None
    mem_available: int | None = None
    psi_cpu: float | None = None  # "some avg10", 0..1
    psi_memory: float | None = None
    psi_io: float | None = None
    disk_total: int | None = None
    disk_free: int | None = None
    root_read_only: bool | None = None
    temperature_c: float | None = None
    clock_synchronised: bool | None = None
    clock_offset_s: float | None = None
    uptime_s: float | None = None
    agent_rss: int | None = None
    agent_cpu_s: float | None = None
    disks: tuple[Disk, ...] = ()  # each file system once: the watched one, the agent's state, the logs
    read_only: tuple[str, ...] = ()  # mount points that were meant to be written to
    biggest: tuple[Process, ...] = ()  # by memory, the biggest first; looked for only where memory is short
    neighbour_tables: tuple[NeighbourTable, ...] = ()
    heat: Heat | None = None
    under_voltage: bool | None = None  # now, as a Raspberry Pi's firmware says
    clock: Clock | None = None
