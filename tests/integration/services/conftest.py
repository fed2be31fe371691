# SPDX-License-Identifier: Apache-2.0
"""Services that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.configservices import Service as Wanted
from tests.integration.services.stand import Stand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Callable[..., Stand]]:
    made: list[Stand] = []

    def make(*services: Wanted) -> Stand:
        made.append(Stand(tmp_path, *services))
        return made[-1]

    yield make
    for one in made:
        one.close()
