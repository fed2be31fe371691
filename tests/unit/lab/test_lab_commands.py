# SPDX-License-Identifier: Apache-2.0
"""The command line: durations, settings, exit codes, what a machine is started with."""

import argparse
import json
from pathlib import Path

import pytest

from tools.lab import cli, commands, nodeconfig, qemu, state
from tools.lab.errors import UsageError
from tools.lab.qemu import Cable, Plan
from tools.lab.topology import parse


def test_an_override_may_hold_for_one_node_alone() -> None:
    overrides = dict(
        map(nodeconfig.parse_setting, ["mesh.gateway.mode=client", "n2:mesh.gateway.mode=server"])
    )
    modes = [
        nodeconfig.configuration(parse("line:3"), number, overrides)["mesh"]["gateway"]["mode"]
        for number in (1, 2, 3)
    ]
    assert modes == ["client", "server", "client"]
    with pytest.raises(UsageError, match="no node 'n9'"):
        nodeconfig.configuration(parse("line:3"), 1, {"n9:mesh.mtu": 1532})


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("10s", 10), ("2m", 120), ("1.5", 1.5)])
def test_durations_are_read_with_their_unit(text: str, seconds: float) -> None:
    assert commands.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "ten", "10h", "-1s"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="500ms, 10s or 2m"):
        commands.duration(text)


def test_a_lab_that_does_not_run_ends_with_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(state, "LABS", tmp_path)
    assert cli.main(["status", "--name", "none", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["kind"] == "NoLabError"


def test_a_wrong_topology_ends_with_two_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["up", "--topology", "moebius:5"]) == 2
    assert "line:N" in capsys.readouterr().err


def test_the_fault_list_is_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fault", "list", "--json"]) == 0
    assert {"link-dead", "one-way"} <= {each["id"] for each in json.loads(capsys.readouterr().out)}


def test_a_setting_reaches_its_section() -> None:
    config = nodeconfig.configuration(
        parse("line:2"), 1, dict([nodeconfig.parse_setting("mesh.ogm_interval=300")])
    )
    assert config["mesh"]["ogm_interval"] == 300
    assert config["mesh"]["address"] == ["10.77.0.1/24"]


@pytest.mark.parametrize("text", ["mesh", "=3"])
def test_a_setting_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"section\.key=value"):
        nodeconfig.parse_setting(text)


def test_a_setting_below_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match="mode is no section"):
        nodeconfig.configuration(parse("line:2"), 1, {"mode.x": 1})


@pytest.mark.parametrize(("version", "threads"), [((7, 2), "single"), ((8, 0), "multi"), ((10, 0), "multi")])
def test_an_old_qemu_runs_one_thread(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], threads: str
) -> None:
    monkeypatch.setattr(qemu, "version", lambda: version)
    plan = Plan("mesh", 1500, 4000, {1: 4001}, (), systemd=False)
    argv = qemu.command(plan, Path("/image"), Path("/lab"))
    assert f"tcg,thread={threads}" in argv


def test_a_machine_reaches_no_network_but_its_forwarded_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "version", lambda: (10, 0))
    plan = Plan("n1", 640, 4000, {1: 4001}, (Cable("02:78:30:01:02:00", 5000, 5001),), systemd=True)
    argv = " ".join(qemu.command(plan, Path("/image"), Path("/lab")))
    assert "user,id=lab,restrict=on" in argv
    assert argv.count("hostfwd=tcp:127.0.0.1:") == 2
    assert "local.host=127.0.0.1,local.port=5000" in argv
    assert "0.0.0.0" not in argv
