# SPDX-License-Identifier: Apache-2.0
"""The sensors, one file each: a module-level `make(config)` is found by itself (None: not for this node)."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.config import Config
    from agent.sensors.base import Sensor


def discover(config: Config) -> tuple[Sensor, ...]:
    """Every sensor of this folder that applies to this node, sorted by name."""
    found: list[Sensor] = []
    for module in pkgutil.iter_modules(__path__):
        make = getattr(importlib.import_module(f"{__name__}.{module.name}"), "make", None)
        sensor = make(config) if make is not None else None
        if sensor is not None:
            found.append(sensor)
    return tuple(sorted(found, key=lambda sensor: sensor.name))
