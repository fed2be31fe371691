# SPDX-License-Identifier: Apache-2.0
"""Starts, stops and restarts the configured services: systemd's by systemctl, our own as detached processes.

Our own are recognised after a restart of the agent by a pidfile with pid, start time and boot, or, where a
boot script started them, by their command line. Under systemd they outlive the agent only where its unit has
`KillMode=process`. Blocking and bounded; for a worker thread.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.configservices import Service
from agent.kernel.nice import as_usual
from agent.services import process as ps
from agent.services.errors import ServiceError
from agent.services.patience import Patience
from agent.services.process import Process

TERM_S = 1.5  # s a service may take to end by itself
KILL_S = 1.0  # s until a killed one must be gone; longer only in an uninterruptible wait
SYSTEMCTL_S = 10.0  # s for one systemctl
MAX_LOG = 1_048_576  # bytes of a service's output kept before the older part is cut away
KEPT_LOG = 65_536  # bytes that stay then
MAX_PIDFILE = 256
CONFIRM_S = 60.0  # s a living main process is believed to be the main process still; systemctl costs 10 ms
SYSTEMD = Path("/run/systemd/system")  # there where systemd is process 1: sd_booted(3)
STOPPED = frozenset({"ActiveState=inactive", "ActiveState=deactivating"})
# what the agent was told by systemd is not meant for its services
NOT_INHERITED = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
)


class Controller:
    """The services of one node, by name. `state_dir` holds `services/NAME.pid` and `NAME.log`."""

    def __init__(
        self,
        services: Sequence[Service],
        state_dir: str | Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = {service.name: service for service in services}
        self._dir = Path(state_dir) / "services"
        self._clock = clock
        self._known: dict[str, tuple[Process, float]] = {}  # found, and until when believed
        self._patience = {name: Patience(clock) for name in self._services}
        self._locks = {name: threading.Lock() for name in self._services}

    def process(self, name: str) -> Process | None:
        """The service's main process or None. ServiceError where systemd cannot be asked.

        Cheap, for a look every second: one that is there is looked at in /proc (20 us); one that is not is
        searched for (10 ms) at once when it vanishes and less and less often while it stays away.
        """
        service = self._service(name)
        known, believed = self._known.get(name, (None, 0.0))
        now = ps.look(known.pid) if known else None
        if known is not None and known.same(now) and (not service.unit or self._clock() < believed):
            return now
        return self._patience[name].ask(known is not None, lambda: self._find(service))

    def stopped_by_hand(self, name: str) -> bool:
        """Is its unit inactive because it was told to end, not because it failed? False where none can tell.

        Of a service the agent starts itself nobody knows why it ended.
        """
        service = self._service(name)
        if not service.unit:
            return False
        shown = self._systemctl("show", "--property=ActiveState", "--property=Result", service.unit).split()
        return "Result=success" in shown and bool(STOPPED.intersection(shown))

    def start(self, name: str) -> None:
        """Start it unless it is there. ServiceError."""
        service = self._service(name)
        with self._locks[name]:
            self._start(service)

    def stop(self, name: str) -> None:
        """End it within `TERM_S` + `KILL_S`. ServiceError where it will not go."""
        service = self._service(name)
        with self._locks[name]:
            self._stop(service)

    def restart(self, name: str) -> None:
        """End what is left of it and start it as configured. ServiceError."""
        service = self._service(name)
        with self._locks[name]:
            self._stop(service)
            self._start(service)

    def trim_logs(self) -> None:
        """Cut the output of services down where it has grown over `MAX_LOG`."""
        for name in self._services:
            path = self._dir / f"{name}.log"
            try:
                if path.stat().st_size <= MAX_LOG:
                    continue
                with path.open("r+b") as file:
                    file.seek(-KEPT_LOG, os.SEEK_END)
                    tail = file.read(KEPT_LOG)
                    file.truncate(
                        0
                    )  # the service appends (O_APPEND), so it goes on behind what is written here
                    file.seek(0)
                    file.write(tail)
            except OSError:
                continue

    # -- inside

    def _service(self, name: str) -> Service:
        service = self._services.get(name)
        if service is None:
            known = ", ".join(self._services) or "none"
            raise ServiceError(f"no service {name!r} is configured (known: {known}); add it under `services`")
        return service

    def _start(self, service: Service) -> None:
        if service.unit:
            self._systemctl("reset-failed", service.unit, must=False)  # else its start limit may refuse
            self._systemctl("start", service.unit)
        elif self._find(service) is None:
            self._spawn(service)
        self._patience[service.name].reset()

    def _stop(self, service: Service) -> None:
        process = self._find(service)
        if process is not None and service.unit:
            self._systemctl("stop", "--no-block", service.unit)  # so that Restart= does not race with us
        if process is not None and not ps.end(process, TERM_S, KILL_S):
            raise ServiceError(
                f"{service.name}: process {process.pid} does not end even by KILL: it waits in the kernel; "
                "look with `cat /proc/PID/stack`, or reboot"
            )
        self._known.pop(service.name, None)
        self._patience[service.name].reset()
        if service.unit:
            self._systemctl("kill", "--signal=KILL", service.unit, must=False)  # what else is in its cgroup
            self._systemctl("stop", service.unit)
        else:
            self._pidfile(service.name).unlink(missing_ok=True)

    def _spawn(self, service: Service) -> None:
        name = service.name
        try:
            self._dir.mkdir(mode=0o750, parents=True, exist_ok=True)
            log = self._dir / f"{name}.log"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with as_usual():
                pid = os.posix_spawnp(
                    service.command[0],
                    service.command,
                    {k: v for k, v in os.environ.items() if k not in NOT_INHERITED},
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o640),
                        (os.POSIX_SPAWN_DUP2, 1, 2),
                    ],
                    setsid=True,
                    setsigmask=(),
                    setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
                )
        except OSError as error:
            raise ServiceError(
                f"{name}: starting {service.command[0]}: {error.strerror or error}; is it installed, and may "
                f"{self._dir} be written to?"
            ) from error
        process = ps.look(pid)
        if process is None:
            raise ServiceError(f"{name}: {service.command[0]} ended at once; its output is in {log}")
        self._write_pidfile(name, process)

    def _write_pidfile(self, name: str, process: Process) -> None:
        path = self._pidfile(name)
        try:
            new = path.with_suffix(".new")
            new.write_text(f"{process.pid} {process.started} {ps.boot_id()}\n")
            new.replace(path)
        except OSError as error:
            ps.end(process, TERM_S, KILL_S)  # unrecorded it would run twice after a restart of the agent
            raise ServiceError(
                f"{name}: writing {path}: {error.strerror}; free space or mend the disk"
            ) from error

    def _find(self, service: Service) -> Process | None:
        """Ask systemd, or look for our own; remembered."""
        name = service.name
        self._known.pop(name, None)
        process = self._unit_process(service.unit) if service.unit else self._own(service)
        if process is not None:
            self._known[name] = process, self._clock() + CONFIRM_S
        return process

    def _own(self, service: Service) -> Process | None:
        """By its pidfile, else by its command line: then it is ours to keep from now on."""
        try:
            with self._pidfile(service.name).open("rb") as file:
                pid, started, boot = file.read(MAX_PIDFILE).decode().split()
            process = ps.look(int(pid))
        except (OSError, ValueError):
            process = None
        if process is not None and process.started == int(started) and boot == ps.boot_id():
            return process
        return ps.running(service.command)

    def _pidfile(self, name: str) -> Path:
        return self._dir / f"{name}.pid"

    def _unit_process(self, unit: str) -> Process | None:
        shown = self._systemctl("show", "--property=MainPID", "--value", unit).strip()
        return ps.look(int(shown)) if shown.isdigit() and shown != "0" else None

    def _systemctl(self, *args: str, must: bool = True) -> str:
        if not SYSTEMD.exists():
            raise ServiceError(
                f"systemctl {' '.join(args)}: systemd does not run here; "
                "give the service a `command` instead of a `unit`"
            )
        try:
            done = subprocess.run(
                ["systemctl", *args], capture_output=True, text=True, timeout=SYSTEMCTL_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServiceError(f"systemctl {' '.join(args)}: {error}; does systemd run here?") from error
        if must and done.returncode != 0:
            said = done.stderr.strip()[:200] or f"status {done.returncode}"
            raise ServiceError(f"systemctl {' '.join(args)}: {said}; look with `systemctl status {args[-1]}`")
        return done.stdout[:1000]
