# SPDX-License-Identifier: Apache-2.0
"""Heat and supply voltage, from the thermal zones and a Raspberry Pi's firmware."""

from __future__ import annotations

from pathlib import Path

from agent.hostreadings import Heat
from agent.sensors.reading import attempt, text, word

MAX_ZONES = 32  # thermal zones looked at; a phone's chip has about 30
MAX_TRIPS = 16  # of one zone; the kernel's own bound is 12
BELIEVED = (-50.0, 200.0)  # C; a sensor that says otherwise is broken
TOO_HOT = 80.0  # C: where a Raspberry Pi begins to slow down (its documentation)
BELOW_TRIP = 5.0  # C below a zone's own hot or critical point, where the kernel would stop the machine
THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
UNDER_VOLTAGE_NOW = 0x1  # bit 0 of it


def zones(sys: Path) -> tuple[Heat, ...]:
    """Every zone with a believable temperature."""
    found: list[Heat] = []
    for zone in sorted((sys / "class/thermal").glob("thermal_zone*"))[:MAX_ZONES]:
        celsius = attempt(_celsius, zone / "temp")
        if celsius is not None and BELIEVED[0] < celsius < BELIEVED[1]:
            name = attempt(word, zone / "type") or zone.name
            found.append(Heat(name[:32], celsius, _limit(zone)))
    return tuple(found)


def nearest(found: tuple[Heat, ...]) -> Heat | None:
    """The zone nearest to its limit."""
    return min(found, key=lambda heat: heat.limit - heat.celsius, default=None)


def under_voltage(sys: Path) -> bool:
    """Is the supply too weak now? OSError where there is no such firmware."""
    return bool(int(text(sys / THROTTLED), 16) & UNDER_VOLTAGE_NOW)


def _celsius(path: Path) -> float:
    """The kernel counts in thousandths of a degree."""
    return int(text(path)) / 1000


def _limit(zone: Path) -> float:
    limit = TOO_HOT
    for number in range(MAX_TRIPS):
        kind = attempt(word, zone / f"trip_point_{number}_type")
        if kind is None:
            break
        if kind not in ("hot", "critical"):
            continue
        trip = attempt(_celsius, zone / f"trip_point_{number}_temp")
        if trip is not None and TOO_HOT / 2 < trip < BELIEVED[1]:  # boards without one say 0 or nonsense
            limit = min(limit, trip - BELOW_TRIP)
    return limit
