# SPDX-License-Identifier: Apache-2.0
"""The actions a node can take, one file each (docs/architecture.md): a module-level `ACTION` is found by
itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.remedies.base import Action


class CatalogueError(Exception):
    """Two actions share an id; names both files."""


def discover() -> tuple[Action, ...]:
    """Every action of this folder, sorted by id. CatalogueError on a duplicate."""
    found: dict[str, tuple[str, Action]] = {}
    for module in pkgutil.iter_modules(__path__):
        action: Action | None = getattr(importlib.import_module(f"{__name__}.{module.name}"), "ACTION", None)
        if action is None:
            continue
        if action.id in found:
            raise CatalogueError(
                f"action {action.id} stands in {found[action.id][0]}.py and {module.name}.py; rename one"
            )
        found[action.id] = (module.name, action)
    return tuple(found[name][1] for name in sorted(found))
