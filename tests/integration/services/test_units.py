# SPDX-License-Identifier: Apache-2.0
"""A unit's main process: systemctl is asked when something changed, /proc in between. Systemd is a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.configservices import Service as Wanted
from agent.sensors.services import ServicesSensor
from agent.services import control, process
from agent.services.control import CONFIRM_S, Controller
from agent.services.errors import ServiceError

SCRIPT = """#!/bin/sh
echo "$@" >>{0}/asked
[ -e {0}/broken ] && {{ echo "no bus" >&2; exit 1; }}
[ "$1" = show ] && cat {0}/pid
exit 0
"""


class Systemd:
    """What `systemctl` answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "systemctl").write_text(SCRIPT.format(folder))
        (folder / "systemctl").chmod(0o755)
        self.main(0)
        (folder / "asked").touch()

    def main(self, pid: int) -> None:
        (self.folder / "pid").write_text(f"{pid}\n")

    def asked(self) -> list[str]:
        return [line.split()[0] for line in (self.folder / "asked").read_text().splitlines()]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(control, "SYSTEMD", tmp_path)
    return Systemd(tmp_path)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    yield started
    started.kill()
    started.wait(5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def unit(systemd: Systemd, clock: Clock, tmp_path: Path) -> Controller:
    return Controller([Wanted(name="u", unit="u.service")], tmp_path, clock)


def test_a_living_main_process_is_looked_at_without_systemctl(
    unit: Controller, systemd: Systemd, clock: Clock, child: subprocess.Popen[bytes]
) -> None:
    systemd.main(child.pid)
    for _ in range(50):
        clock.now += 1.0
        found = unit.process("u")
        assert found is not None
        assert found.pid == child.pid
    assert systemd.asked() == ["show"]
    clock.now += CONFIRM_S
    assert unit.process("u")
    assert systemd.asked() == ["show", "show"], "once a minute it is confirmed"


def test_a_process_that_vanished_makes_systemctl_be_asked_at_once(
    unit: Controller, systemd: Systemd, child: subprocess.Popen[bytes]
) -> None:
    systemd.main(child.pid)
    assert unit.process("u")
    systemd.main(os.getpid())
    child.send_signal(signal.SIGKILL)
    child.wait(5)
    found = unit.process("u")
    assert found is not None
    assert found.pid == os.getpid(), "Restart= of the unit had it back already"


def test_a_unit_that_stays_away_is_asked_for_less_and_less_often(
    unit: Controller, systemd: Systemd, clock: Clock
) -> None:
    for _ in range(300):
        clock.now += 0.2
        assert unit.process("u") is None
    assert 15 <= len(systemd.asked()) <= 20, "a minute at 4 s, and the first seconds"


def test_a_systemd_that_does_not_answer_is_told_each_time_but_seldom_asked(
    unit: Controller, systemd: Systemd, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    for _ in range(300):
        clock.now += 0.2
        with pytest.raises(ServiceError, match="no bus"):
            unit.process("u")
    assert len(systemd.asked()) <= 20


def test_what_was_started_is_looked_for_at_once(
    unit: Controller, systemd: Systemd, clock: Clock, child: subprocess.Popen[bytes]
) -> None:
    for _ in range(100):
        clock.now += 0.2
        unit.process("u")
    systemd.main(child.pid)
    unit.start("u")
    found = unit.process("u")
    assert found is not None
    assert found.pid == child.pid


def test_a_unit_s_restart_kills_what_hangs_and_starts_it_through_systemctl(
    unit: Controller, systemd: Systemd, child: subprocess.Popen[bytes]
) -> None:
    systemd.main(child.pid)
    child.send_signal(signal.SIGSTOP)
    unit.restart("u")
    assert process.look(child.pid) is None, "TERM cannot end a stopped one"
    assert systemd.asked()[-5:] == ["stop", "kill", "stop", "reset-failed", "start"]


@pytest.mark.parametrize(
    ("shown", "by_hand"),
    [
        ("ActiveState=inactive\nResult=success\n", True),
        ("ActiveState=deactivating\nResult=success\n", True),
        ("ActiveState=failed\nResult=signal\n", False),
        ("ActiveState=activating\nResult=success\n", False),
        ("", False),
    ],
    ids=["stopped", "stopping", "killed", "restarting", "says nothing"],
)
def test_a_unit_that_was_told_to_stop_is_told_from_one_that_died(
    unit: Controller, tmp_path: Path, shown: str, by_hand: bool
) -> None:
    (tmp_path / "pid").write_text(shown)
    assert unit.stopped_by_hand("u") is by_hand


def test_nobody_knows_why_a_service_ended_that_has_no_unit(tmp_path: Path) -> None:
    assert not Controller([Wanted(name="u", command=("true",))], tmp_path).stopped_by_hand("u")


def test_a_service_told_to_stop_says_so_in_its_reading(
    unit: Controller, systemd: Systemd, tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    sensor = ServicesSensor([Wanted(name="u", unit="u.service")], unit)
    systemd.main(child.pid)
    assert not sensor.read(0.0)[0].by_hand
    child.send_signal(signal.SIGTERM)
    child.wait(5)
    (tmp_path / "pid").write_text("ActiveState=inactive\nResult=success\n")
    (found,) = sensor.read(1.0)
    sensor.close()
    assert (found.state, found.by_hand) == ("gone", True)
    assert "told to stop" in found.detail
