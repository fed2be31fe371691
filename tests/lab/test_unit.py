# SPDX-License-Identifier: Apache-2.0
"""The systemd unit as shipped, in machines that boot systemd: sandbox, watchdog, ExecStopPost, restarts."""

from __future__ import annotations

import json
import logging
import time

import pytest

from agent.kernel.elp import SECOND_MAC
from tools.lab import lifecycle, story
from tools.lab.client import Lab
from tools.lab.guest.systemd import BROKER
from tools.lab.guest.systemd import NAME as UNIT

log = logging.getLogger("x0.test")
pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

BACK_S = 60.0  # stop, ExecStopPost and a start: each imports the agent, 5 s and more under emulation
FOUND_S = 15.0
HEALED_S = 45.0
WATCHDOG_S = 6
GIVE = "from agent.kernel import elp, inject; inject.receive('e2', elp.frame(1, 500))"
SANDBOX = {
    "CapabilityBoundingSet",
    "SystemCallFilter",
    "RestrictAddressFamilies",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "PrivateDevices",
    "ProtectKernelTunables",
}
EXPOSURE = 35  # tenths, as systemd-analyze counts: 3.2 when it was written; above, something was opened
DROP_IN = f"/run/systemd/system/{UNIT}.d/test.conf"
# What a killed agent leaves: an interface taken out of the mesh, the record of it on disk. The agent is
# stopped first: awake, it would put the interface back by itself.
LEFT_DETACHED = """\
set -e
kill -STOP {pid}
echo '{record}' >>/var/lib/x0/undo.journal
ip link set e2 nomaster
systemctl kill --kill-whom=main --signal=KILL {unit}
"""
RECORD = {
    "begin": 9001,
    "record": {"action": "detach-hardif", "args": {"mesh": "bat0", "hardif": "e2"}},
    "episode": "test",
    "at": 0.0,
}


def show(lab: Lab, node: str, key: str) -> str:
    return lab.exec(node, "systemctl", "show", "--value", f"--property={key}", UNIT).stdout.strip()


def agent_log(lab: Lab, node: str) -> str:
    return b"".join(lab.log(node)).decode()


def back(lab: Lab, node: str, before: str) -> None:
    """Wait until another agent process than `before` has told systemd that it is ready."""
    end = time.monotonic() + BACK_S
    while (pid := show(lab, node, "MainPID")) in ("0", before) or show(lab, node, "ActiveState") != "active":
        assert time.monotonic() < end, (
            f"process {pid}, {show(lab, node, 'ActiveState')}:\n{agent_log(lab, node)[-3000:]}"
        )
        time.sleep(0.5)


def outcome(result: str) -> story.Wanted:
    return lambda e: (
        e.event == "outcome" and e.fields["fault"] == "service-dead" and e.fields["result"] == result
    )


def test_the_unit_becomes_active_and_the_machines_form_a_mesh(lab_systemd2: Lab) -> None:
    for node in lab_systemd2.nodes:
        assert show(lab_systemd2, node, "ActiveState") == "active"
        assert lab_systemd2.health(node) == "healthy"
        neighbours = lab_systemd2.json(node, "batctl", "meshif", "bat0", "nj")
        assert len(neighbours) == 1
    lifecycle.wait_answer(lab_systemd2, "n1", "n2", 10)


def test_the_unit_is_clean_and_its_sandbox_stays_closed(lab_systemd2: Lab) -> None:
    verified = lab_systemd2.exec("n1", "systemd-analyze", "verify", UNIT)
    assert "x0-agent" not in verified.stdout + verified.stderr
    lab_systemd2.exec(
        "n1", "systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE}", UNIT
    )  # fails above the threshold


def test_the_sandbox_lets_a_frame_be_given_to_the_kernel(lab_systemd2: Lab) -> None:
    lines = lab_systemd2.exec("n1", "systemctl", "cat", UNIT).stdout.splitlines()
    sandbox = [f"--property={line}" for line in lines if line.partition("=")[0] in SANDBOX]
    assert {line.partition("=")[2].partition("=")[0] for line in sandbox} == SANDBOX
    environment = [f"--setenv={pair}" for pair in show(lab_systemd2, "n1", "Environment").split()]
    lab_systemd2.exec(
        "n1", "systemd-run", "--wait", "--pipe", "--collect", *sandbox, *environment, "python3", "-c", GIVE
    )
    heard = {row["neigh_address"] for row in lab_systemd2.json("n1", "batctl", "meshif", "bat0", "nj")}
    assert SECOND_MAC in heard


def test_what_a_killed_agent_left_detached_is_put_back_by_the_unit(lab_systemd2: Lab) -> None:
    lab = lab_systemd2
    pid, seen = show(lab, "n1", "MainPID"), len(agent_log(lab, "n1"))
    lab.exec("n1", "sh", "-c", LEFT_DETACHED.format(pid=pid, record=json.dumps(RECORD), unit=UNIT))
    back(lab, "n1", pid)
    assert "undo: put back detach-hardif mesh=bat0 hardif=e2" in agent_log(lab, "n1")[seen:]
    assert "e2: active" in lab.exec("n1", "batctl", "meshif", "bat0", "interface").stdout
    lifecycle.wait_healthy(lab, lab.nodes, BACK_S)


def test_an_agent_that_hangs_is_restarted_by_the_watchdog(lab_systemd2: Lab) -> None:
    lab = lab_systemd2
    text = f"[Service]\\nWatchdogSec={WATCHDOG_S}\\n"
    first = show(lab, "n1", "MainPID")
    lab.exec("n1", "sh", "-c", f"mkdir -p {DROP_IN.rpartition('/')[0]} && printf '{text}' >{DROP_IN}")
    try:
        lab.exec("n1", "systemctl", "daemon-reload")
        lab.exec("n1", "systemctl", "restart", "--no-block", UNIT)
        back(lab, "n1", first)
        pid = show(lab, "n1", "MainPID")
        lab.agent("n1", "SIGSTOP")
        back(lab, "n1", pid)
        told = lab.exec("n1", "journalctl", "--no-pager", "-u", UNIT).stdout
        assert "Watchdog timeout" in told
    finally:
        lab.exec("n1", "rm", "-f", DROP_IN)
        lab.exec("n1", "systemctl", "daemon-reload")
        lab.exec("n1", "systemctl", "restart", UNIT)
    lifecycle.wait_healthy(lab, lab.nodes, BACK_S)


@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_a_unit_that_is_gone_or_hangs_is_started_again_through_systemctl(lab_systemd2: Lab, how: str) -> None:
    lab = lab_systemd2
    before = lab.exec("n2", "pidof", "mosquitto").stdout
    at = time.time()
    if how == "stopped":
        lab.exec("n2", "systemctl", "stop", BROKER)
    else:
        lab.inject("service-hung", "n2")
    found = story.wait_for(
        lab, lambda e: e.event == "diagnosis" and e.fields["fault"] == "service-dead", at, FOUND_S, ("n2",)
    )
    healed = story.wait_for(lab, outcome("healed"), at, HEALED_S, ("n2",))
    log.info("%s: found after %.1f s, healed after %.1f s", how, found.at - at, healed.at - at)
    assert lab.exec("n2", "systemctl", "is-active", BROKER).stdout.strip() == "active"
    assert lab.exec("n2", "pidof", "mosquitto").stdout != before
    lab.exec("n2", "mosquitto_pub", "-h", "127.0.0.1", "-t", "x0/test", "-m", "answers")
