# SPDX-License-Identifier: Apache-2.0
"""Services as real processes, for the tests of this folder."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from agent.configservices import Service as Wanted
from agent.readings import Service
from agent.sensors.services import ServicesSensor
from agent.services.control import Controller

SLEEPER = (sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(600)")


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


def sleeper(name: str = "sleeper", command: tuple[str, ...] = SLEEPER) -> Wanted:
    return Wanted(name=name, command=command)
