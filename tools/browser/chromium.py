# SPDX-License-Identifier: Apache-2.0
"""Chromium as a process, spoken to in the DevTools protocol over a pipe: no port, no web socket."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Final

PROGRAM: Final = "chromium"
FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)  # fmt: skip
ANSWER_S: Final = 60.0  # for one answer: starting takes many seconds on a loaded machine
EVENTS_MAX: Final = 5000  # kept; a test looks at far fewer
CHUNK: Final = 1 << 16


class BrowserError(Exception):
    """Chromium cannot be started or refuses a command."""


def missing() -> str:
    """Why there is no browser here, "" where there is one."""
    return "" if shutil.which(PROGRAM) else f"no {PROGRAM} on this machine: `make setup` installs it"


class Chromium:
    """A running browser with an empty profile of its own; ends with the `with` block."""

    def __init__(self) -> None:
        if why := missing():
            raise BrowserError(why)
        self._profile = tempfile.TemporaryDirectory(prefix="x0-chromium-", ignore_cleanup_errors=True)
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "sh", PROGRAM, *FLAGS,
             f"--user-data-dir={self._profile.name}", "about:blank"],
            pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._numbers = itertools.count(1)
        self._news = threading.Condition()  # over an RLock: `wait_event` asks `events` while holding it
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: deque[tuple[int, dict[str, Any]]] = deque(maxlen=EVENTS_MAX)
        self._counter = itertools.count(1)
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """One command and its result. BrowserError where it is refused or not answered."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        with self._news:
            while number not in self._answers:
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    raise BrowserError(f"{method}: no answer{' (chromium has ended)' if self._ended else ''}")
                self._news.wait(left)
            answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def events(self, session: str, method: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """(number, params) of each event of a page later than number `after`."""
        with self._news:
            return [
                (number, event.get("params", {}))
                for number, event in self._events
                if number > after and event.get("sessionId") == session and event["method"] == method
            ]

    def wait_event(
        self, session: str, method: str, after: int = 0, within: float = ANSWER_S
    ) -> dict[str, Any]:
        """The first such event, waited for."""
        deadline = time.monotonic() + within
        with self._news:
            while True:
                found = self.events(session, method, after)
                if found:
                    return found[0][1]
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    raise BrowserError(f"{method} did not come within {within:g} s")
                self._news.wait(left)

    @property
    def last_event(self) -> int:
        """The number of the newest event."""
        with self._news:
            return self._events[-1][0] if self._events else 0

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        os.close(self._out)
        self._profile.cleanup()

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._in, CHUNK):
            *whole, rest = (rest + chunk).split(b"\0")
            with self._news:
                for raw in whole:
                    message = json.loads(raw)
                    if "id" in message:
                        self._answers[message["id"]] = message
                    else:
                        self._events.append((next(self._counter), message))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()
        os.close(self._in)
