# SPDX-License-Identifier: Apache-2.0
"""The catalogue of faults, one file each (architecture.md): a module-level `FAULT` is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.faults.base import Fault


class CatalogueError(Exception):
    """Two faults share an id; names both files."""


def discover() -> tuple[Fault, ...]:
    """Every fault of this folder, sorted by id. CatalogueError on a duplicate."""
    found: dict[str, tuple[str, Fault]] = {}
    for module in pkgutil.iter_modules(__path__):
        fault: Fault | None = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FAULT", None)
        if fault is None:
            continue
        if fault.id in found:
            raise CatalogueError(
                f"fault {fault.id} stands in {found[fault.id][0]}.py and {module.name}.py; rename one"
            )
        found[fault.id] = (module.name, fault)
    return tuple(found[name][1] for name in sorted(found))
