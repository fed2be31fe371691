# SPDX-License-Identifier: Apache-2.0
"""The page's actions on machines that boot systemd, under the unit as shipped: what its sandbox lets pass."""

from __future__ import annotations

import io
import json
import logging
import os
import tarfile
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from agent.nodeactions import LEAST_UPTIME
from tests.lab.test_unit import back, show
from tools.lab import lifecycle
from tools.lab.client import Lab

log = logging.getLogger("x0.test")
pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

PIN = "482913"
CODE = {"PYTHONPATH": "/usr/lib/x0:/usr/lib/x0/python"}
HEALTHY_S = 90.0
DONE_S = 60.0
GONE_S = 60.0  # a machine that shuts down its services first


class Page:
    """A technician's browser on one node's page."""

    def __init__(self, lab: Lab, node: str) -> None:
        self.lab, self.node = lab, node
        done = lab.exec(
            node, "python3", "-m", "agent.cli.main", "pin", "set", stdin=f"{PIN}\n".encode(), env=CODE
        )
        assert "The PIN is set" in done.stdout
        self.cookie = ""
        code, answer = self.ask("/api/v1/session", pin=PIN)
        assert code == 200, answer
        self.token = answer["token"]

    def ask(self, path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        request = urllib.request.Request(self.lab.page(self.node, path), json.dumps(fields).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                cookies = answer.headers.get_all("Set-Cookie") or []
                self.cookie = self.cookie or "; ".join(cookie.partition(";")[0] for cookie in cookies)
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def get(self, path: str) -> bytes:
        request = urllib.request.Request(self.lab.page(self.node, path), headers={"Cookie": self.cookie})
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: bytes = answer.read()
            return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/api/v1/status"))
        return found

    def begin(self, name: str, **fields: str) -> None:
        code, answer = self.ask(f"/api/v1/actions/{name}", token=self.token, confirm=True, **fields)
        assert code == 202, answer

    def act(self, name: str, **fields: str) -> dict[str, Any]:
        """The action's row once it has ended."""
        self.begin(name, **fields)
        end = time.monotonic() + DONE_S
        while (row := self.status()["actions"][0])["state"] == "running":
            assert time.monotonic() < end, row
            time.sleep(0.5)
        log.info("%s: %s", name, row["sentence"])
        return dict(row)


def test_a_link_test_measures_the_neighbour_and_nothing_is_taken_for_a_fault(lab_systemd2: Lab) -> None:
    page = Page(lab_systemd2, "n1")
    (neighbour, *_) = page.status()["neighbours"]
    row = page.act("link-test", hardif=neighbour["hardif"], mac=neighbour["mac"])
    assert (row["state"], row["key"]) == ("done", "link-tested")
    assert row["values"]["answered"] >= 45
    assert row["values"]["mean"] < 500
    assert lab_systemd2.health("n1") == "healthy"


def test_a_pause_is_seen_and_ended_on_the_page(lab_systemd2: Lab) -> None:
    page = Page(lab_systemd2, "n1")
    assert page.act("pause", minutes="15")["state"] == "done"
    assert page.status()["state"] == "paused"
    assert page.act("resume")["key"] == "resumed"
    assert page.status()["state"] == "healthy"


def test_a_support_bundle_is_made_inside_the_sandbox(lab_systemd2: Lab) -> None:
    page = Page(lab_systemd2, "n1")
    (neighbour, *_) = page.status()["neighbours"]
    row = page.act("support-bundle")
    assert row["state"] == "done", row
    with tarfile.open(fileobj=io.BytesIO(page.get(row["download"]))) as tar:
        parts = {
            name.removeprefix("x0-support/"): (tar.extractfile(name) or io.BytesIO()).read().decode()
            for name in tar.getnames()
        }
    log.info("bundle: %s", {name: len(text) for name, text in parts.items()})
    assert neighbour["mac"] in parts["batctl-neighbours.txt"]
    assert neighbour["mac"] in parts["batctl-originators.txt"]
    assert "bat0" in parts["ip-link.json"]
    assert (
        "x0-agent.service" in parts["log.txt"]
    )  # what systemd says of it; its own lines go to the lab's file
    assert "agent " in parts["versions.txt"]
    assert PIN not in "".join(parts.values())


def test_the_agent_restarts_through_systemd_and_the_page_says_so(lab_systemd2: Lab) -> None:
    lab = lab_systemd2
    page = Page(lab, "n1")
    if page.status()["uptime"] < LEAST_UPTIME:
        row = page.act("restart-agent")
        assert row["key"] == "too-young"
        time.sleep(max(0.0, LEAST_UPTIME - page.status()["uptime"] + 2))
    pid, restarts = show(lab, "n1", "MainPID"), int(show(lab, "n1", "NRestarts"))
    page.begin("restart-agent")
    back(lab, "n1", pid)
    assert int(show(lab, "n1", "NRestarts")) == restarts + 1
    lifecycle.wait_healthy(lab, lab.nodes, HEALTHY_S)
    row = page.status()["actions"][0]
    assert (row["name"], row["state"], row["sentence"]) == (
        "restart-agent",
        "done",
        "The agent has restarted.",
    )
    code, answer = page.ask("/api/v1/actions/resume", token=page.token, confirm=True)
    assert (code, answer["error"]["key"]) == (401, "not-signed-in")


def test_a_reboot_ends_the_machine(spent_systemd2: Lab) -> None:
    """QEMU is told not to reboot: where a machine would, it ends."""
    lab = spent_systemd2
    page = Page(lab, "n2")
    machine = lab.machine("n2")
    page.begin("reboot")
    end = time.monotonic() + GONE_S
    while alive(machine.pid):
        row = next(iter(reached(page)), {})
        assert row.get("state") != "failed", row
        assert time.monotonic() < end
        time.sleep(1)


def reached(page: Page) -> list[dict[str, Any]]:
    """The page's actions, none where it is gone."""
    try:
        rows: list[dict[str, Any]] = page.status()["actions"]
    except OSError:
        return []
    return rows


def alive(pid: int) -> bool:
    """Does this process run?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
