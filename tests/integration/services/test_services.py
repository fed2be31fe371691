# SPDX-License-Identifier: Apache-2.0
"""Services as real processes: started, hung, killed, restarted, recognised again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import Probe as ProbeConfig
from agent.config import Service as Wanted
from agent.readings import Service
from agent.sensors.services import ServicesSensor, ensure_started
from agent.services import control, process
from agent.services.control import Controller
from agent.services.errors import ServiceError
from agent.services.probe import MQTT_CONNECT, Probe

SLEEPER = (sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
)
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(what: Callable[[], object], timeout: float = 8.0) -> float:
    """Seconds until it holds; processes tell no event to one who is not their parent."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > timeout:
            raise AssertionError(f"not within {timeout} s")
        time.sleep(0.01)
    return time.monotonic() - began


class Stand:
    """Services, their controller and sensor; everything started is ended at the end."""

    def __init__(self, state_dir: Path, *services: Wanted) -> None:
        self.services, self.state_dir = services, state_dir
        self.control = Controller(services, state_dir)
        self.sensor = ServicesSensor(services, self.control)

    def read(self, name: str) -> Service:
        return next(s for s in self.sensor.read(time.monotonic()) if s.name == name)

    def until(self, name: str, state: str, timeout: float = 8.0) -> float:
        def reached() -> bool:
            time.sleep(0.05)
            return self.read(name).state == state

        return until(reached, timeout)

    def pid(self, name: str) -> int:
        found = self.control.process(name)
        assert found is not None
        return found.pid

    def close(self) -> None:
        self.sensor.close()
        for service in self.services:
            if service.command:
                self.control.stop(service.name)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Callable[..., Stand]]:
    made: list[Stand] = []

    def make(*services: Wanted) -> Stand:
        made.append(Stand(tmp_path, *services))
        return made[-1]

    yield make
    for one in made:
        one.close()


def sleeper(name: str = "sleeper", command: tuple[str, ...] = SLEEPER) -> Wanted:
    return Wanted(name=name, command=command)


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


# -- probes


class Listener:
    """A TCP server that answers each connection with fixed bytes, or not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked = b""
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
            with connection:
                self.asked = connection.recv(1000)
                if self._answer is not None:
                    connection.sendall(self._answer)
                connection.recv(1000)
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()
        self._thread.join(2)


def decided(kind: str, target: str, timeout: float = 1.0) -> Probe:
    probe = Probe(kind, target, time.monotonic(), timeout)

    def looked() -> bool:
        probe.advance(time.monotonic())
        return probe.done

    until(looked)
    return probe


@pytest.mark.parametrize(
    ("kind", "answer", "ok"),
    [
        ("mqtt", b"\x20\x02\x00\x00", True),
        ("mqtt", b"\x20\x02\x00\x05", True),  # not authorised, but it answers
        ("mqtt", b"HTTP/1.1 400 Bad Request", False),
        ("mqtt", b"", False),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n", True),
        ("http", b"HTTP/1.1 404 Not Found\r\n\r\n", True),
        ("http", b"HTTP/1.1 503 Busy\r\n\r\n", False),
        ("http", b"SSH-2.0-OpenSSH_9.2", False),
        ("tcp", None, True),
    ],
)
def test_an_answer_counts_only_in_the_service_s_own_language(
    kind: str, answer: bytes | None, ok: bool
) -> None:
    server = Listener(answer)
    target = f"http://{server.address}/health" if kind == "http" else server.address
    probe = decided(kind, target)
    server.close()
    assert probe.ok is ok, probe.detail


def test_silence_is_no_answer_after_the_timeout() -> None:
    server = Listener(None)
    began = time.monotonic()
    probe = decided("mqtt", server.address, timeout=0.2)
    assert not probe.ok
    assert "no answer" in probe.detail
    assert time.monotonic() - began < 0.5
    assert server.asked == MQTT_CONNECT
    assert len(MQTT_CONNECT) == 14
    server.close()


def test_nobody_listening_is_known_at_once(tmp_path: Path) -> None:
    for kind, target in (("tcp", f"127.0.0.1:{free_port()}"), ("unix", str(tmp_path / "none.sock"))):
        assert not decided(kind, target).ok


def test_a_unix_socket_that_listens_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(1)
        assert decided("unix", str(tmp_path / "s")).ok


def test_a_name_that_would_need_a_name_server_is_refused() -> None:
    probe = Probe("tcp", "example.org:80", 0.0)
    assert probe.done
    assert not probe.ok


# -- with a real broker


@needs_mosquitto
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


@needs_mosquitto
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


@needs_mosquitto
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


@needs_mosquitto
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
    assert MOSQUITTO is not None
    port = free_port()
    return Wanted(
        name="broker",
        command=(MOSQUITTO, "-p", str(port)),
        probe=ProbeConfig(mqtt=f"127.0.0.1:{port}"),
    )


# -- found otherwise


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
