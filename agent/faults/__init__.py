# SPDX-License-Identifier: Apache-2.0
"""The catalogue of faults, one file each (architecture.md): a module-level `FAULT` is found by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.catalogue import entries

if TYPE_CHECKING:
    from agent.faults.base import Fault


def discover() -> tuple[Fault, ...]:
    """Every fault of this folder, sorted by id. CatalogueError on a duplicate."""
    return entries(__name__, __path__, "FAULT")
