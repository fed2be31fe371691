# SPDX-License-Identifier: Apache-2.0
"""What a command of `x0` is. A file in this folder with a module-level `COMMAND` is found by itself."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

# Exit codes, stable for scripts.
OK = 0
PROBLEM = 1  # a fault is open, a file has mistakes, the agent refused
USAGE = 2  # argparse's own
UNREACHABLE = 3  # the agent does not answer


class Command(NamedTuple):
    """One command: `add` describes its arguments, `run` carries it out and gives the exit code."""

    name: str
    help: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def discover() -> tuple[Command, ...]:
    """Every command of this folder, sorted by name."""
    package = __name__.rpartition(".")[0]
    found: list[Command] = []
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        command = getattr(importlib.import_module(f"{package}.{module.name}"), "COMMAND", None)
        if command is not None:
            found.append(command)
    return tuple(sorted(found, key=lambda command: command.name))
