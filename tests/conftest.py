# SPDX-License-Identifier: Apache-2.0
"""Markers by folder: what stands in tests/lab is `lab`, and so on. A test's level is where it lives."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

LEVELS = frozenset({"unit", "integration", "lab", "fuzz", "conformance"})
TESTS = Path(__file__).parent

# no test is timed: a busy machine makes no rule untrue
settings.register_profile("x0", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("x0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its folder's level."""
    for item in items:
        level = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        if level in LEVELS:
            item.add_marker(level)
