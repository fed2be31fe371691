# SPDX-License-Identifier: Apache-2.0
"""Services as real processes: started, hung, killed, restarted, recognised again."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.configservices import Probe as ProbeConfig
from agent.configservices import Service as Wanted
from agent.sensors.services import ensure_started
from agent.services import control, process
from agent.services.control import Controller
from agent.services.errors import ServiceError
from tests.integration.services.stand import SLEEPER, Stand, sleeper, until

STUBBORN = (
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
)


def test_a_command_is_started_detached_with_its_output_in_a_file(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(sleeper())
    here.control.start("sleeper")
    pid = here.pid("sleeper")
    assert os.getsid(pid) == pid
    until(lambda: (tmp_path / "services/sleeper.log").read_text() == "up\n")
    here.control.start("sleeper")
    assert here.pid("sleeper") == pid
    assert here.read("sleeper").state == "running"


def test_a_doubt_elsewhere_does_not_look_oftener_at_services_that_run(stand: Callable[..., Stand]) -> None:
    here = stand(sleeper())
    here.control.start("sleeper")
    here.until("sleeper", "running")
    assert here.sensor.period(True) == here.sensor.period(False)
    here.control.stop("sleeper")
    here.until("sleeper", "gone")
    assert here.sensor.period(True) < here.sensor.period(False), "now it is what is in doubt"


def test_what_systemd_told_the_agent_is_not_inherited(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    here = stand(sleeper())
    here.control.start("sleeper")
    assert b"NOTIFY_SOCKET" not in Path(f"/proc/{here.pid('sleeper')}/environ").read_bytes()


def test_a_new_agent_recognises_what_the_old_one_started(stand: Callable[..., Stand]) -> None:
    first = stand(sleeper())
    first.control.start("sleeper")
    second = stand(sleeper())
    assert ensure_started(second.services, second.control) == {}
    assert second.pid("sleeper") == first.pid("sleeper")


@pytest.mark.parametrize(
    "content", ["", "x y z", "1", "{pid} 1 {boot}", "{pid} {started} other-boot", "-1 2 3"]
)
def test_a_pidfile_of_another_process_or_boot_is_not_believed(
    stand: Callable[..., Stand], tmp_path: Path, content: str
) -> None:
    here = stand(sleeper())
    me = process.look(os.getpid())
    assert me is not None
    (tmp_path / "services").mkdir()
    text = content.format(pid=me.pid, started=me.started, boot=process.boot_id())
    (tmp_path / "services/sleeper.pid").write_text(text)
    assert here.control.process("sleeper") is None


def test_a_killed_process_is_gone_at_the_next_look_and_no_zombie_remains(stand: Callable[..., Stand]) -> None:
    here = stand(sleeper())
    here.control.start("sleeper")
    pid = here.pid("sleeper")
    assert here.read("sleeper").state == "running"
    os.kill(pid, signal.SIGKILL)
    assert here.until("sleeper", "gone") < 1.0
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("command", [SLEEPER, STUBBORN], ids=["willing", "ignores-term"])
def test_restart_gives_a_new_process_within_three_seconds(
    stand: Callable[..., Stand], tmp_path: Path, command: tuple[str, ...]
) -> None:
    here = stand(sleeper(command=command))
    here.control.start("sleeper")
    until(lambda: (tmp_path / "services/sleeper.log").read_text())
    before, began = here.pid("sleeper"), time.monotonic()
    here.control.restart("sleeper")
    assert time.monotonic() - began < 3.0
    assert here.pid("sleeper") != before
    assert process.look(before) is None


def test_a_stopped_process_is_killed_at_once(stand: Callable[..., Stand]) -> None:
    here = stand(sleeper())
    here.control.start("sleeper")
    os.kill(here.pid("sleeper"), signal.SIGSTOP)
    found = here.control.process("sleeper")
    assert found is not None
    until(lambda: (p := process.look(found.pid)) and p.stopped)
    began = time.monotonic()
    here.control.stop("sleeper")
    assert time.monotonic() - began < 0.5


def test_children_of_a_service_end_with_it(stand: Callable[..., Stand], tmp_path: Path) -> None:
    script = "from subprocess import Popen; print(Popen(['sleep', '600']).pid, flush=True);time.sleep(600)"
    here = stand(
        sleeper(
            command=(
                sys.executable,
                "-c",
                f"import signal, time; signal.signal(15, signal.SIG_IGN); {script}",
            )
        )
    )
    here.control.start("sleeper")
    log = tmp_path / "services/sleeper.log"
    until(lambda: log.read_text().strip())
    child = int(log.read_text())
    here.control.stop("sleeper")
    until(lambda: process.look(child) is None)


def test_a_program_that_is_not_installed_is_named() -> None:
    service = sleeper(command=("/no/such/program",))
    problems = ensure_started([service], Controller([service], "/tmp/x0-none-such"))
    assert "starting /no/such/program: No such file" in problems["sleeper"]
    shutil.rmtree("/tmp/x0-none-such", ignore_errors=True)


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ServiceError, match="known: sleeper"):
        Controller([sleeper()], "/tmp").restart("other")


def test_output_is_cut_to_its_newest_part(
    stand: Callable[..., Stand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_LOG", 1000)
    monkeypatch.setattr(control, "KEPT_LOG", 100)
    here = stand(sleeper())
    (tmp_path / "services").mkdir()
    log = tmp_path / "services/sleeper.log"
    log.write_text("a" * 5000 + "end")
    here.control.trim_logs()
    assert log.read_text() == "a" * 97 + "end"


def test_a_process_is_found_by_its_name_and_gone_with_it(stand: Callable[..., Stand], tmp_path: Path) -> None:
    program = tmp_path / "x0-odd (name)"
    program.symlink_to(shutil.which("sleep") or "/bin/sleep")
    here = stand(
        Wanted(name="odd", command=(str(program), "600"), probe=ProbeConfig(process="x0-odd (name)")),
    )
    assert here.read("odd").state == "gone"
    here.control.start("odd")
    assert here.until("odd", "running") < 2.0
    assert here.read("odd").pid == here.pid("odd")
    here.control.stop("odd")
    assert here.until("odd", "gone") < 2.0


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here")
def test_without_systemd_a_unit_is_unknown_and_says_why(stand: Callable[..., Stand]) -> None:
    here = stand(Wanted(name="u", unit="x0-none-such.service"))
    seen = here.read("u")
    assert seen.state == "unknown"
    assert "systemd does not run here" in seen.detail
    with pytest.raises(ServiceError, match="systemctl"):
        here.control.start("u")
