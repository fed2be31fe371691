# SPDX-License-Identifier: Apache-2.0
"""sd_notify(3) without a library: readiness, a status line and the watchdog."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger("x0.systemd")

STATUS_MAX = 200  # characters of STATUS=; systemctl shows one line
UNTIL_READY = 0.2  # s between two looks; a starting mesh waits for READY
WITHOUT_WATCHDOG = 10.0  # s between STATUS lines where the unit sets no watchdog


class Notifier:
    """Sends state to the service manager; does nothing where there is none."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog = _watchdog_seconds(environ)

    def send(self, **fields: str) -> None:
        """One datagram, e.g. send(READY="1", STATUS="..."). A failure is logged: the agent works without."""
        if not self._address:
            return
        text = "\n".join(f"{key}={value[:STATUS_MAX].translate(_ONE_LINE)}" for key, value in fields.items())
        # A leading @ stands for Linux's abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), address)
        except OSError as error:
            log.warning("the service manager could not be told %s: %s", ", ".join(fields), error)

    async def watch(
        self,
        heartbeat: Callable[[], float],
        limit: float,
        sentence: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Feeds the watchdog while `heartbeat()` (monotonic s) is younger than `limit` seconds.

        A loop that hangs is thus restarted by the service manager, though this task still runs.
        """
        ready = False
        while True:
            age = clock() - heartbeat()
            fields = {"STATUS": sentence()}
            if age <= limit:
                if not ready:
                    fields["READY"] = "1"
                    ready = True
                fields["WATCHDOG"] = "1"
            elif ready:
                log.error("the loop has been silent for %.0f s: the watchdog is no longer fed", age)
            self.send(**fields)
            await asyncio.sleep(self._pause(ready))

    def _pause(self, ready: bool) -> float:
        if not ready:
            return UNTIL_READY
        return self.watchdog / 2 if self.watchdog else WITHOUT_WATCHDOG


_ONE_LINE = {ord("\n"): " ", ord("\r"): " "}


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """WATCHDOG_USEC in seconds, 0 where there is none or it is meant for another process."""
    try:
        pid = environ.get("WATCHDOG_PID", "")
        if pid and int(pid) != os.getpid():
            return 0.0
        return int(environ.get("WATCHDOG_USEC", "0")) / 1e6
    except ValueError:
        return 0.0
