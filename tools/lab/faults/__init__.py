# SPDX-License-Identifier: Apache-2.0
"""The lab's faults. One file each: adding one touches no other."""

import importlib
import pkgutil
from functools import cache

from tools.lab.errors import UsageError
from tools.lab.faults.base import Fault


@cache
def catalogue() -> dict[str, Fault]:
    """Return every fault of this folder by id."""
    found: dict[str, Fault] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name != "base":
            fault: Fault = importlib.import_module(f"{__name__}.{module.name}").FAULT
            found[fault.id] = fault
    return found


def get(fault: str) -> Fault:
    """Return a fault by id. Raises UsageError."""
    if fault not in catalogue():
        raise UsageError(f"no fault {fault!r}; there are: {', '.join(sorted(catalogue()))}")
    return catalogue()[fault]
