# SPDX-License-Identifier: Apache-2.0
"""Where published test vectors are, and the providers they are tried on."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.identity.errors import ProviderError
from agent.identity.pqc.base import Provider
from agent.identity.pqc.choose import NAMES, provider

VARIABLE = "X0_SHARED_DATA"  # folder with wycheproof/ in it; beside the checkout where it is not set
OWN = Path(__file__).parent / "data"
SHARED = Path(os.environ.get(VARIABLE) or Path(__file__).parents[2].parent / "shared" / "data")


def groups(name: str) -> list[dict[str, Any]]:
    """The test groups of a Wycheproof file; skips where the folder is not on this machine."""
    path = SHARED / "wycheproof" / f"{name}.json.gz"
    if not path.is_file():
        pytest.skip(f"no {path}: name the folder with wycheproof/ in {VARIABLE}")
    found = json.loads(gzip.decompress(path.read_bytes()))
    listed: list[dict[str, Any]] = found["testGroups"]
    assert sum(len(group["tests"]) for group in listed) == found["numberOfTests"]
    return listed


@cache
def _loaded(name: str) -> Provider | str:
    try:
        return provider(name)
    except ProviderError as error:
        return error.what


def loaded(name: str) -> Provider:
    """A provider; skips where it is not on this machine."""
    found = _loaded(name)
    if isinstance(found, str):
        pytest.skip(found)
    return found


each_provider = pytest.mark.parametrize("name", NAMES)
