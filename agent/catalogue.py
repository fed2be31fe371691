# SPDX-License-Identifier: Apache-2.0
"""A folder as a catalogue: a file is an entry by the name its module has, so that no list names them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any


class CatalogueError(Exception):
    """Two entries share an id; names both files."""


def entries(package: str, folders: Iterable[str], name: str) -> tuple[Any, ...]:
    """What the package's modules have under `name`, sorted by id. CatalogueError on a duplicate."""
    found: dict[str, tuple[str, Any]] = {}
    for module in pkgutil.iter_modules(folders):
        entry = getattr(importlib.import_module(f"{package}.{module.name}"), name, None)
        if entry is None:
            continue
        if entry.id in found:
            raise CatalogueError(
                f"{name} {entry.id} stands in {found[entry.id][0]}.py and {module.name}.py of {package}; "
                "rename one"
            )
        found[entry.id] = (module.name, entry)
    return tuple(found[key][1] for key in sorted(found))
