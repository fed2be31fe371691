# SPDX-License-Identifier: Apache-2.0
"""Programs of others that tests call. `make setup` gets them, so a missing one is a failure and no skip."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "build" / "tools" / "bin"
SYSTEM = "/usr/sbin:/usr/local/sbin"  # where daemons are; not on every user's PATH


def program(name: str) -> str:
    """Return a program's path: an installed one, or the one that setup unpacked."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM}:{TOOLS}")
    if found is None:
        pytest.fail(f"{name} is missing: `make setup` unpacks it into build/tools")
    return found
