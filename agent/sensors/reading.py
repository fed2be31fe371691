# SPDX-License-Identifier: Apache-2.0
"""Small files of /proc and /sys, bounded; what cannot be read is None."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from agent.kernel.errors import KernelError

MAX_TEXT = 65_536  # bytes read of a file; /proc/self/mountinfo of a container host can be endless
T = TypeVar("T")
Given = ParamSpec("Given")


def text(path: Path) -> str:
    """Its first MAX_TEXT bytes. OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # half the cost of `open`, and two dozen are read
    try:
        found = part = os.read(file, MAX_TEXT)
        while part and len(found) < MAX_TEXT:  # what the kernel makes as it is read comes in parts
            part = os.read(file, MAX_TEXT - len(found))
            found += part
    finally:
        os.close(file)
    return found.decode(errors="replace")


def word(path: Path) -> str:
    """What it says, without blanks around. OSError."""
    return text(path).strip()


def attempt(read: Callable[Given, T], *args: Given.args, **named: Given.kwargs) -> T | None:
    """What it reads of these, None where it cannot or where there is nonsense."""
    try:
        return read(*args, **named)
    except (OSError, ValueError, IndexError, KernelError):
        return None
