# SPDX-License-Identifier: Apache-2.0
"""Loaded into pytest by `make test-all`: tells the tests collected, and what became of each as it ends."""

import json
import os
from pathlib import Path

import pytest

REPORT = "X0_TESTALL_REPORT"  # environment: the file that is written, a JSON value a line
_outcomes: dict[str, str] = {}


def _tell(value: object) -> None:
    with Path(os.environ[REPORT]).open("a") as report:
        report.write(json.dumps(value) + "\n")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the tests' ids where they are only collected."""
    if session.config.option.collectonly:
        _tell([item.nodeid for item in session.items])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell a test's outcome once it is all over: what fails while it is cleared away has failed."""
    known = _outcomes.get(report.nodeid, "passed")
    _outcomes[report.nodeid] = known if report.outcome == "passed" or known == "failed" else report.outcome
    if report.when == "teardown":
        _tell([report.nodeid, _outcomes[report.nodeid]])
