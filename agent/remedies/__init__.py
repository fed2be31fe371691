# SPDX-License-Identifier: Apache-2.0
"""The actions a node can take, one file each (docs/architecture.md): a module-level `ACTION` is found by
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.catalogue import entries

if TYPE_CHECKING:
    from agent.remedies.base import Action


def discover() -> tuple[Action, ...]:
    """Every action of this folder, sorted by id. CatalogueError on a duplicate."""
    return entries(__name__, __path__, "ACTION")
