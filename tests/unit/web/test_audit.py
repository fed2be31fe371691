# SPDX-License-Identifier: Apache-2.0
"""Rules of the audit."""

import json
import logging

import pytest

from agent.telemetry.log import REPEATS_MAX, RepeatFilter
from agent.web.audit import Audit


def test_each_entry_says_who_what_and_the_result(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[bytes] = []
    with caplog.at_level(logging.INFO, "x0.audit"):
        Audit(kept.append)("10.0.0.9", "reboot", "begun")
    (record,) = caplog.records
    wanted = {"who": "10.0.0.9", "what": "reboot", "result": "begun"}
    assert record.__dict__["event"] == "audit"
    assert record.__dict__["fields"] == wanted
    assert json.loads(kept[0]) == wanted


def test_wrong_pins_are_logged_but_push_nothing_out_of_the_store() -> None:
    kept: list[bytes] = []
    audit = Audit(kept.append)
    audit("10.0.0.9", "wrong-pin", "refused")
    audit("10.0.0.9", "locked", "not looked at")
    assert kept == []


def test_a_flood_of_wrong_pins_does_not_hide_a_sign_in_from_the_log(caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit()
    with caplog.at_level(logging.INFO, "x0.audit"):
        for _ in range(100):
            audit("10.0.0.9", "wrong-pin", "refused")
        audit("10.0.0.9", "sign-in", "signed in")
    repeats = RepeatFilter()
    shown = [record.__dict__["fields"]["what"] for record in caplog.records if repeats.filter(record)]
    assert shown == ["wrong-pin"] * REPEATS_MAX + ["sign-in"]


def test_a_long_result_is_cut_in_what_is_kept() -> None:
    kept: list[bytes] = []
    Audit(kept.append)("10.0.0.9", "reboot", "x" * 10_000)
    assert len(kept[0]) < 500
