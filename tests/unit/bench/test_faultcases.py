# SPDX-License-Identifier: Apache-2.0
"""The fault table covers the lab's faults, under names the agents know."""

from __future__ import annotations

from agent.faults import discover
from tools.bench.faultcases import SCENES
from tools.lab.faults import catalogue

CASES = [case for scene in SCENES for case in scene.cases]


def test_every_fault_of_the_lab_stands_in_the_table() -> None:
    assert set(catalogue()) - {case.fault for case in CASES} == set()


def test_what_is_injected_and_what_it_is_called_exists() -> None:
    named = {name for case in CASES for name in case.treated_as}
    assert {case.fault for case in CASES} <= set(catalogue())
    assert named <= {fault.id for fault in discover()}
