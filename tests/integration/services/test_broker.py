# SPDX-License-Identifier: Apache-2.0
"""With a real broker: killed, hung, started by somebody else."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

from agent.configservices import Probe as ProbeConfig
from agent.configservices import Service as Wanted
from agent.sensors.services import ensure_started
from tests.integration.programs import program
from tests.integration.services.stand import Stand, free_port, sleeper


def test_a_killed_broker_is_gone_and_answers_again_after_a_restart(stand: Callable[..., Stand]) -> None:
    here = stand(broker := _broker())
    here.control.start("broker")
    here.until("broker", "running")
    os.kill(here.pid("broker"), signal.SIGKILL)
    assert here.until("broker", "gone") < 1.0
    here.control.restart("broker")
    assert here.until("broker", "running") < 3.0
    assert broker.probe is not None
    assert "CONNACK 0" in here.read("broker").detail


def test_a_hung_broker_is_seen_without_delaying_others_and_restarted(stand: Callable[..., Stand]) -> None:
    here = stand(_broker(), sleeper())
    for name in ("broker", "sleeper"):
        here.control.start(name)
        here.until(name, "running")
    os.kill(here.pid("broker"), signal.SIGSTOP)
    began, slowest = time.monotonic(), 0.0
    while here.read("broker").state != "hung":
        before = time.monotonic()
        assert here.read("sleeper").state == "running"
        slowest = max(slowest, time.monotonic() - before)
        assert before - began < 6.0
        time.sleep(0.05)
    seen = here.read("broker")
    assert "SIGSTOP" in seen.detail
    assert seen.slow_age > 1.0
    assert slowest < 0.2
    here.control.restart("broker")
    assert here.until("broker", "running") < 3.0
    assert here.read("broker").slow_age == 0.0


def test_a_broker_somebody_else_runs_is_running_and_not_started_twice(stand: Callable[..., Stand]) -> None:
    wanted = _broker()
    other = subprocess.Popen([*wanted.command, "-v"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        here = stand(wanted)
        here.until("broker", "running")
        assert "no process of ours" in here.read("broker").detail
        assert ensure_started(here.services, here.control) == {}
        assert here.control.process("broker") is None
    finally:
        other.terminate()
        other.wait(5)


def test_a_hung_broker_that_a_boot_script_started_is_ended_before_its_successor_starts(
    stand: Callable[..., Stand],
) -> None:
    wanted = _broker()
    boot = subprocess.Popen([*wanted.command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        here = stand(wanted)
        here.until("broker", "running")
        assert here.pid("broker") == boot.pid
        boot.send_signal(signal.SIGSTOP)
        here.until("broker", "hung")
        here.control.restart("broker")
        assert here.until("broker", "running") < 3.0
        assert here.pid("broker") != boot.pid
    finally:
        boot.kill()
        boot.wait(5)


def _broker() -> Wanted:
    port = free_port()
    return Wanted(
        name="broker",
        command=(program("mosquitto"), "-p", str(port)),
        probe=ProbeConfig(mqtt=f"127.0.0.1:{port}"),
    )
