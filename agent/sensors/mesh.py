# SPDX-License-Identifier: Apache-2.0
"""The `mesh` sensor: one batman-adv interface and its tables, each as often as it is worth its cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

import msgspec

from agent.kernel import ethtool
from agent.kernel.batadv import BatAdv
from agent.kernel.elp import SECOND_MAC
from agent.kernel.errors import InterfaceGoneError, KernelError
from agent.mesh.layered import LayeredBatAdv
from agent.meshdevices import MeshDevices
from agent.readings import Gateway, Hardif, Mesh, Neighbour, Originator
from agent.sensors.base import Look, Pace, SensorError
from agent.sensors.dumps import DumpPace
from agent.sensors.known import KnownNodes
from agent.sensors.measured import Measured

if TYPE_CHECKING:
    from agent.config import Config
    from agent.sensors.base import Sensor


CALM: Final = 1.0  # s; in between a glance tells whether a neighbour's ELP age is in doubt
NEIGHBOURS_ATTENTION: Final = 0.01  # s: a remedy waits for it
SETTINGS: Final = 1.0  # s: the mesh itself and its hardifs; the originators: agent/sensors/dumps.py
REST: Final = 5.0  # s: gateways, translations, counters
BACKOFF_FIRST: Final = 0.25  # s after the first failure
BACKOFF_MAX: Final = 2.0  # s: a mesh that comes back is seen in time for the first hellos


class MeshReader(Protocol):
    """What of kernel.batadv.BatAdv is used."""

    def mesh(self, which: str | int) -> Mesh: ...
    def hardifs(self, index: int) -> tuple[Hardif, ...]: ...
    def neighbours(self, index: int) -> tuple[Neighbour, ...]: ...
    def originators(self, index: int, outgoing: int = 0) -> tuple[Originator, ...]: ...
    def gateways(self, index: int) -> tuple[Gateway, ...]: ...
    def tt_counts(self, index: int) -> tuple[int, int]: ...


class MeshSensor:
    """Reads the mesh named `mesh`, its tables by their own clocks, into one value."""

    name: ClassVar[str] = "mesh"

    def __init__(
        self,
        mesh: str,
        batadv: MeshReader | None = None,
        counters: Callable[[str], dict[str, int]] = ethtool.stats,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        """`spent`: seconds of processor time this thread has used; waiting for a busy core costs nothing."""
        self._mesh = mesh
        self._batadv = batadv or BatAdv()
        self._counters = counters
        self._spent = spent
        self._pace = Pace(Look.CALM)
        self._failures = 0
        self._known = KnownNodes()
        self._limits: Mapping[tuple[str, str], float] = {}
        self._forget()

    def period(self, attention: bool) -> float:
        """Seconds between readings; longer after failures."""
        if self._failures:
            return float(min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** min(self._failures - 1, 8)))
        return NEIGHBOURS_ATTENTION if attention else CALM

    def pace(self, pace: Pace) -> None:
        """How closely the next reading looks: how soon the originators are dumped again."""
        self._pace = pace

    def expect(self, limits: Mapping[tuple[str, str], float]) -> None:
        """(hardif, MAC) > s of silence from which on this neighbour is in doubt; others are strangers."""
        self._limits = limits

    def glance(self, now: float) -> bool:
        """Came or went a neighbour, or is one silent for longer than expected?"""
        value, limits = self._value, self._limits
        if value is None:
            return False
        try:
            rows = self._batadv.neighbours(value.index)
        except KernelError:
            return True  # the reading says what is wrong
        ages = {(row.hardif, row.mac): row.last_seen_age for row in rows if row.mac != SECOND_MAC}
        if ages.keys() != {(row.hardif, row.mac) for row in value.neighbours}:
            return True
        return any(age > limits.get(key, 0.0) for key, age in ages.items())

    def read(self, now: float) -> Mesh:
        """The mesh; what was not read now is from the last time it was (`neighbours_at` and so on)."""
        try:
            value = self._read(now)
        except KernelError as error:
            self._failures += 1
            self._forget()  # nothing of a mesh that failed is carried over: it may come back as another
            raise SensorError(f"mesh {self._mesh}: {error}") from error
        self._failures = 0
        return value

    def _forget(self) -> None:
        self._value: Mesh | None = None
        self._due: dict[str, float] = {}
        self._dumps = DumpPace()
        self._measured = Measured()

    def _read(self, now: float) -> Mesh:
        value = self._value
        if value is None or self._is_due("settings", SETTINGS, now):
            value = self._settings(now, value)
        if self._dumps.due(now, self._pace):
            began = self._spent()
            value = self._originators(now, value)
            self._dumps.done(now, self._spent() - began)
        if self._is_due("rest", REST, now):
            value = self._rest(value)
        found = self._batadv.neighbours(value.index)
        neighbours = tuple(row for row in found if row.mac != SECOND_MAC)  # mesh/secondneighbour.py
        if {(row.hardif, row.mac) for row in neighbours} != {
            (row.hardif, row.mac) for row in value.neighbours
        }:
            self._dumps.changed(now)
        self._value = value = msgspec.structs.replace(value, neighbours=neighbours, neighbours_at=now)
        return value

    def _originators(self, now: float, value: Mesh) -> Mesh:
        rows = self._batadv.originators(value.index)
        known = self._known.dumped(rows, now)
        value = msgspec.structs.replace(value, originators=rows, originators_at=now, known=known)
        if self._pace.look is Look.BURST:
            return value  # a remedy waits; the metrics can
        lacking = self._measured.lacking(value, now, lambda out: self._batadv.originators(value.index, out))
        return msgspec.structs.replace(value, unmeasured=lacking)

    def _settings(self, now: float, before: Mesh | None) -> Mesh:
        fresh = self._batadv.mesh(self._mesh)
        if before is not None and before.index != fresh.index:
            before = None  # deleted and made anew: its tables are others
            self._forget()
        hardifs = self._batadv.hardifs(fresh.index)
        self._due["settings"] = now + SETTINGS
        if before is None:
            return msgspec.structs.replace(fresh, hardifs=hardifs, hardifs_at=now)
        if (fresh.ogm_interval_ms, {row.name for row in hardifs}) != (
            before.ogm_interval_ms,
            {row.name for row in before.hardifs},
        ):
            self._dumps.changed(now)  # a remedy, most likely
        if fresh.gw_mode != before.gw_mode:
            self._due["rest"] = now  # which gateway is chosen has changed with it
        return msgspec.structs.replace(
            fresh,
            hardifs=hardifs,
            hardifs_at=now,
            neighbours=before.neighbours,
            originators=before.originators,
            originators_at=before.originators_at,
            unmeasured=before.unmeasured,
            known=before.known,
            gateways=before.gateways,
            tt_local=before.tt_local,
            tt_global=before.tt_global,
            counters=before.counters,
        )

    def _rest(self, value: Mesh) -> Mesh:
        """Nice to have: a failure here leaves fields empty, unless the interface itself is gone."""
        gateways: tuple[Gateway, ...] = ()
        local: int | None = None
        others: int | None = None
        counters: dict[str, int] = {}
        try:
            gateways = self._batadv.gateways(value.index)
            local, others = self._batadv.tt_counts(value.index)
            counters = self._counters(value.name)
        except InterfaceGoneError:
            raise
        except KernelError:
            pass
        return msgspec.structs.replace(
            value, gateways=gateways, tt_local=local, tt_global=others, counters=counters
        )

    def _is_due(self, table: str, every: float, now: float) -> bool:
        """Is it time? If so the next time is set."""
        if now < self._due.get(table, now):
            return False
        self._due[table] = now + every
        return True


def make(config: Config) -> Sensor | None:
    """Applicable wherever a mesh may be, set up by us or not."""
    names = (interface.name for interface in config.mesh.interfaces)
    return MeshSensor(config.mesh.name, LayeredBatAdv(MeshDevices.of(names)))
