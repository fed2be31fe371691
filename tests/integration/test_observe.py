# SPDX-License-Identifier: Apache-2.0
"""Mode observe changes nothing on the machine: devices, addresses, routes and sysctls are compared."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import netns
from tests.integration.running import running

WATCHED_S = 5.0
MESH = """{name: x0obat, primary: x0oprim, address: [10.99.0.1/24], interfaces: [{name: e1, kind: wire}]}"""
COUNTERS = ("conntrack_count", "route/gc", "/stat")  # sysctls that tell, not set


@pytest.fixture
def namespace() -> Iterator[str]:
    why = netns.missing()
    if why:
        pytest.skip(why)
    with netns.pair("ob") as (here, _):
        netns.ip("-n", here, "link", "set", "lo", "up")
        yield here


def told(namespace: str, *argv: str) -> object:
    done = subprocess.run(["ip", "-n", namespace, "-j", *argv], check=True, capture_output=True, timeout=20)
    return json.loads(done.stdout or b"[]")


def sysctls() -> dict[str, bytes]:
    """Every setting of the network in the namespace this thread is in."""
    found = {}
    for path in Path("/proc/sys/net").rglob("*"):
        name = str(path)
        if path.is_file() and not any(word in name for word in COUNTERS):
            try:
                found[name] = path.read_bytes()
            except OSError:  # write-only, or not for this namespace
                continue
    return found


def everything(namespace: str) -> dict[str, object]:
    return {
        "links": told(namespace, "-d", "link"),
        "addresses": [link["addr_info"] for link in told(namespace, "-d", "addr")],  # type: ignore[attr-defined]
        "routes": told(namespace, "-6", "route", "show", "table", "all"),
        "rules": told(namespace, "rule"),
        "sysctls": sysctls(),
    }


def settled(namespace: str) -> dict[str, object]:
    """Link-local addresses come by themselves a moment after a device is up."""
    before = everything(namespace)
    while True:
        time.sleep(1.0)
        now = everything(namespace)
        if now == before:
            return now
        before = now


STATE_FILES = {"undo.journal", "undo.journal.lock", "knowledge.db", "knowledge.db-wal", "knowledge.db-shm"}


def test_observe_changes_nothing(namespace: str, tmp_path: Path) -> None:
    with netns.inside(namespace):
        before = settled(namespace)
        with running(tmp_path, mode="observe", mesh=MESH) as agent:
            time.sleep(WATCHED_S)
            now = everything(namespace)
            assert agent.get("/healthz")[0] in (200, 503)
            assert agent.acted() == []
        after = everything(namespace)
        netns.ip("-n", namespace, "link", "set", "e1", "mtu", "1532")
        assert everything(namespace) != before, "the comparison sees what the keeper would do first"
    assert now == before
    assert after == before
    assert {path.name for path in (tmp_path / "state").iterdir()} <= STATE_FILES
