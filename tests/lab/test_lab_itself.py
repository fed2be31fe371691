# SPDX-License-Identifier: Apache-2.0
"""The lab does what it says: a mesh forms, programs run in it, what is broken is seen from outside."""

import json
import os
import subprocess
import sys
import time

import pytest

from tools.lab import lifecycle
from tools.lab.client import Lab
from tools.lab.errors import LabError, MachineError

SEEN_S = 30.0  # for a change to reach the traffic's output; under TCG a second may become three


def wait_for_answers(lab: Lab, flow: str, more: int) -> None:
    """Return when the flow had `more` further answers."""
    goal = lab.traffic_report(flow)[flow].received + more
    deadline = time.monotonic() + SEEN_S
    while lab.traffic_report(flow)[flow].received < goal:
        assert time.monotonic() < deadline, f"no {more} answers within {SEEN_S} s"


def wait_for_silence(lab: Lab, flow: str, seconds: float) -> None:
    """Return when the flow's present gap is that long."""
    deadline = time.monotonic() + SEEN_S
    while True:
        gaps = lab.traffic_report(flow)[flow].gaps
        if gaps and gaps[-1].end is None and gaps[-1].seconds >= seconds:
            return
        assert time.monotonic() < deadline, f"no gap of {seconds} s: {gaps[-3:]}"


def test_four_hops_answer_along_the_line(bare_line5: Lab) -> None:
    assert bare_line5.exec("n1", "ping", "-c1", "-W5", "10.77.0.5").exit == 0
    assert bare_line5.path("n1", "n5") == ["n1", "n2", "n3", "n4", "n5"]


def test_a_program_gets_input_and_gives_output_errors_and_exit_code(bare_line5: Lab) -> None:
    done = bare_line5.exec("n3", "sh", "-c", "cat; hostname >&2; exit 7", stdin=b"x" * 300_000, check=False)
    assert (done.exit, len(done.stdout), done.stderr) == (7, 300_000, "n3\n")


def test_a_program_that_cannot_start_is_said(bare_line5: Lab) -> None:
    with pytest.raises(LabError, match="no-such-program"):
        bare_line5.exec("n1", "no-such-program")


def test_a_node_sees_its_own_devices_processes_and_folders_only(bare_line5: Lab) -> None:
    assert set(bare_line5.exec("n1", "ls", "/sys/class/net").stdout.split()) >= {"bat0", "e2", "lo", "x0prim"}
    assert "lab0" not in bare_line5.exec("n1", "ls", "/sys/class/net").stdout
    bare_line5.exec("n1", "touch", "/etc/x0/mine", "/var/lib/x0/mine", "/run/x0/mine", "/tmp/mine")
    for folder in ("/etc/x0", "/var/lib/x0", "/run/x0", "/tmp"):
        assert "mine" not in bare_line5.exec("n2", "ls", folder).stdout
    assert len(bare_line5.exec("n1", "sh", "-c", "echo /proc/[0-9]*").stdout.split()) < 8


def test_traffic_sees_a_cut_link_where_and_as_long_as_it_was(bare_line5: Lab) -> None:
    flow = "n1-n5"
    bare_line5.traffic_start("n1", "n5", 0.05)
    wait_for_answers(bare_line5, flow, 20)
    made = bare_line5.inject("link-dead", "n2", "n3", seconds=2.0)
    wait_for_silence(bare_line5, flow, 1.0)
    wait_for_answers(bare_line5, flow, 20)
    report = bare_line5.traffic_stop(flow)[flow]
    gap = report.gap_after(made.at)
    assert gap is not None
    assert gap.end is not None
    assert 1.9 <= gap.seconds <= 4.0
    assert abs(gap.start - made.at) < 0.2, "on the same clock as the injection"
    assert report.lost >= 30
    assert bare_line5.injections() == [], "it cleared itself"


def test_one_way_deafens_one_end_and_spares_the_other(bare_line5: Lab) -> None:
    bare_line5.inject("one-way", "n1", "n2")

    def received(node: str, device: str) -> int:
        (link,) = bare_line5.json(node, "ip", "-j", "-s", "link", "show", device)
        return int(link["stats64"]["rx"]["packets"])

    deaf, heard = received("n1", "e2"), received("n2", "e1")
    deadline = time.monotonic() + SEEN_S
    while received("n2", "e1") < heard + 5:
        assert time.monotonic() < deadline, "n2 hears n1"
    assert received("n1", "e2") == deaf


def test_overlapping_faults_leave_the_link_cut_until_the_last_is_cleared(bare_line5: Lab) -> None:
    bare_line5.inject("link-dead", "n4", "n5")
    bare_line5.inject("node-dead", "n5")
    bare_line5.clear("node-dead")
    assert "loss 100%" in bare_line5.exec("n4", "tc", "qdisc", "show", "dev", "e5").stdout
    bare_line5.clear()
    assert "netem" not in bare_line5.exec("n4", "tc", "qdisc", "show", "dev", "e5").stdout


def test_a_missing_hardif_is_missing_and_comes_back(bare_line5: Lab) -> None:
    bare_line5.inject("hardif-missing", "n2", "n3")
    assert "e3" not in bare_line5.exec("n2", "batctl", "meshif", "bat0", "interface").stdout
    bare_line5.clear()
    assert "e3: active" in bare_line5.exec("n2", "batctl", "meshif", "bat0", "interface").stdout


def test_a_fault_that_fails_is_taken_back_and_not_in_force(bare_line5: Lab) -> None:
    with pytest.raises(LabError, match="no process called mosquitto"):
        bare_line5.inject("service-dead", "n1")
    assert bare_line5.injections() == []


def test_the_command_line_passes_exit_codes_and_json_on(bare_line5: Lab) -> None:
    def lab(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "X0_LAB": bare_line5.state.name}
        argv = [sys.executable, "-m", "tools.lab.cli", *words]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL
        )

    assert lab("exec", "n1", "--", "sh", "-c", "exit 9").returncode == 9
    deadline = time.monotonic() + SEEN_S
    while (told := json.loads(lab("path", "--json", "n1", "n3").stdout)) != {"path": ["n1", "n2", "n3"]}:
        assert time.monotonic() < deadline, f"the way is found again after the tests before: {told}"
    assert [node["node"] for node in json.loads(lab("status", "--json").stdout)["nodes"]] == list(
        bare_line5.nodes
    )
    assert lab("exec", "n6", "--", "true").returncode == 2


@pytest.mark.long  # test_radio.py cuts one beneath traffic, in a lab that runs anyway
def test_a_radio_edge_is_cut_for_its_two_ends_only(bare_radio4: Lab) -> None:
    lab = bare_radio4
    assert lab.path("n1", "n2") == ["n1", "n2"]
    lab.inject("link-dead", "n1", "n2")
    deadline = time.monotonic() + SEEN_S
    while lab.path("n1", "n2") != ["n1", "n4", "n3", "n2"]:
        assert time.monotonic() < deadline, "batman-adv takes the other way round"


@pytest.mark.long
def test_two_machines_are_joined_by_their_cable(bare_vm2: Lab) -> None:
    flow = "n1-n2"
    assert bare_vm2.machine("n1") != bare_vm2.machine("n2")
    bare_vm2.traffic_start("n1", "n2", 0.05)
    wait_for_answers(bare_vm2, flow, 20)
    bare_vm2.inject("link-dead", "n1", "n2")
    wait_for_silence(bare_vm2, flow, 1.0)
    bare_vm2.clear()
    wait_for_answers(bare_vm2, flow, 20)


@pytest.mark.long
def test_two_labs_run_side_by_side(bare_line5: Lab) -> None:
    name = f"beside-{os.getpid()}"
    try:
        second = lifecycle.up("line:2", name=name, agents=False)
        assert second.exec("n1", "ping", "-c1", "-W5", "10.77.0.2").exit == 0
        assert bare_line5.exec("n1", "ping", "-c1", "-W5", "10.77.0.5").exit == 0
        bare_line5.inject("link-dead", "n1", "n2")
        assert second.exec("n1", "ping", "-c1", "-W5", "10.77.0.2").exit == 0
    finally:
        lifecycle.down(name)


@pytest.mark.long
def test_a_panic_is_the_labs_failure() -> None:
    name = f"panic-{os.getpid()}"
    try:
        lab = lifecycle.up("line:1", name=name, agents=False)
        with pytest.raises(MachineError, match="panic"):
            lab.exec(None, "sh", "-c", "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger")
    finally:
        lifecycle.down(name)
