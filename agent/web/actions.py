# SPDX-License-Identifier: Apache-2.0
"""What a signed-in person may ask the node to do: checked, one of a kind at a time, rate-limited, remembered.

`POST /api/v1/actions/NAME` with the fields of ACTIONS, `confirm=yes` and, from a page, `token`:

    pause           minutes (1 to 1440; 15 where it is missing)
    resume
    link-test       hardif, mac: a neighbour of the status document
    restart-agent
    support-bundle
    reboot

`status["actions"]` lists the newest ACTIONS_KEPT, newest first: id, name, at (Unix time), by (address, "" for
who is not signed in), state (running, done, failed), sentence (English), key and values (`action.KEY` in the
catalogues says the same), download (address of a support bundle that is still kept, else "").
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from agent.web import notices
from agent.web.limits import ACTIONS_KEPT, ACTIONS_PER_MINUTE, BUNDLE_KEPT

log = logging.getLogger("x0.actions")

MINUTES_MAX = 1440
RUN_MAX = 60.0  # s; the slowest is a support bundle on a slow board
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_IFNAME = re.compile(r"[^\s/:]{1,15}")

Values = dict[str, str | int | float]


class ActionError(Exception):
    """The node cannot or will not do it: `key` of the catalogues, and a sentence with the mend."""

    def __init__(self, key: str, sentence: str, **values: str | int | float) -> None:
        super().__init__(sentence)
        self.key, self.sentence, self.values = key, sentence, values


class RefusedError(Exception):
    """Not even begun: `notice` is a key of agent/web/notices.py, `status` the HTTP status."""

    def __init__(self, notice: str, status: int, sentence: str, retry: float = 0.0) -> None:
        """`retry`: seconds after which it may be asked again, where that is known."""
        super().__init__(sentence)
        self.notice, self.status, self.sentence, self.retry = notice, status, sentence, retry


class Done(msgspec.Struct, frozen=True):
    """What came of it."""

    key: str
    sentence: str
    values: Values = {}
    content: bytes = b""  # a file to download


class Entry(msgspec.Struct):
    """One action that was asked for."""

    id: str
    name: str
    at: float  # Unix time
    by: str
    state: Literal["running", "done", "failed"] = "running"
    sentence: str = ""
    key: str = ""
    values: Values = {}


Fields = Mapping[str, str]
Runner = Callable[[Fields], Awaitable[Done]]


def minutes(fields: Fields) -> int:
    """Of a pause. RefusedError where it is out of bounds."""
    text = fields.get("minutes", "15")
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MINUTES_MAX):
        raise RefusedError(
            notices.BAD_INPUT, 400, f"minutes must be a whole number from 1 to {MINUTES_MAX}. Mend: send 15"
        )
    return int(text)


def neighbour(fields: Fields) -> tuple[str, str]:
    """(hardif, MAC) of a link test. RefusedError where they are none."""
    hardif, mac = fields.get("hardif", ""), fields.get("mac", "").lower()
    if not _IFNAME.fullmatch(hardif) or not _MAC.fullmatch(mac):
        raise RefusedError(
            notices.BAD_INPUT,
            400,
            "hardif and mac must name a neighbour. Mend: take both from the status document's neighbours",
        )
    return hardif, mac


CHECKS: dict[str, Callable[[Fields], object]] = {
    "pause": minutes,
    "resume": lambda _fields: None,
    "link-test": neighbour,
    "restart-agent": lambda _fields: None,
    "support-bundle": lambda _fields: None,
    "reboot": lambda _fields: None,
}
"""The actions in the page's order, and what their fields must be."""


class Actions:
    """Starts actions and remembers them. `keep(bytes)` writes what `kept` is at the next start."""

    def __init__(
        self,
        runners: Mapping[str, Runner],
        *,
        kept: bytes = b"",
        keep: Callable[[bytes], None] = lambda _raw: None,
        changed: Callable[[], None] = lambda: None,
        audit: Callable[[str, str, str], None] = lambda _who, _what, _result: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._runners = runners
        self._keep, self._changed, self._audit = keep, changed, audit
        self._clock, self._wall = clock, wall
        self._entries: deque[Entry] = deque(_read(kept), ACTIONS_KEPT)
        self._asked: deque[float] = deque(maxlen=ACTIONS_PER_MINUTE)
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by name
        self._content: tuple[str, float, bytes] | None = None  # id, when, file

    def start(self, name: str, fields: Fields, by: str) -> Entry:
        """Begins an action for the person at address `by`. RefusedError where it may not be."""
        if name not in CHECKS or name not in self._runners:
            raise RefusedError(
                notices.UNKNOWN_ACTION, 404, f"there is no such action. Mend: use one of {', '.join(CHECKS)}"
            )
        CHECKS[name](fields)
        if name in self._tasks:
            raise RefusedError(notices.RUNNING, 409, f"{name} is under way. Mend: wait until it has ended")
        now = self._clock()
        if len(self._asked) == ACTIONS_PER_MINUTE and now - self._asked[0] < 60.0:
            raise RefusedError(
                notices.TOO_MANY,
                429,
                f"more than {ACTIONS_PER_MINUTE} actions in a minute. Mend: wait a minute",
            )
        self._asked.append(now)
        entry = Entry(secrets.token_hex(8), name, round(self._wall(), 3), by)
        self._entries.append(entry)
        self._tell()
        self._audit(by, name, "begun")
        self._tasks[name] = asyncio.create_task(self._run(entry, self._runners[name], dict(fields)))
        return entry

    def listed(self, addresses: bool = False) -> list[dict[str, Any]]:
        """For the status document, newest first; `addresses`: say also who asked."""
        return [
            {
                "id": entry.id,
                "name": entry.name,
                "at": entry.at,
                "by": entry.by if addresses else "",
                "state": entry.state,
                "sentence": entry.sentence,
                "key": entry.key,
                "values": entry.values,
                "download": f"/api/v1/support-bundle/{entry.id}" if self.content(entry.id) else "",
            }
            for entry in reversed(self._entries)
        ]

    def content(self, number: str) -> bytes:
        """The file an action made, b"" where there is none or no longer."""
        if self._content is not None and self._clock() - self._content[1] > BUNDLE_KEPT:
            self._content = None
        return self._content[2] if self._content and self._content[0] == number else b""

    async def wait(self) -> None:
        """Until nothing is under way; for tests and the end."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, entry: Entry, runner: Runner, fields: Fields) -> None:
        try:
            async with asyncio.timeout(RUN_MAX):
                done = await runner(fields)
        except ActionError as error:
            self._end(entry, "failed", error.key, error.sentence, error.values)
        except TimeoutError:
            self._end(entry, "failed", "timeout", f"It took more than {RUN_MAX:.0f} s and was given up.", {})
        except Exception:  # an action that breaks must not take the page along
            log.exception("action %s failed", entry.name)
            self._end(entry, "failed", "broken", "It failed inside the agent; the agent's log says why.", {})
        else:
            if done.content:
                self._content = (entry.id, self._clock(), done.content)
            self._end(entry, "done", done.key, done.sentence, done.values)
        finally:
            self._tasks.pop(entry.name, None)

    def _end(
        self, entry: Entry, state: Literal["done", "failed"], key: str, sentence: str, values: Values
    ) -> None:
        entry.state, entry.key, entry.sentence, entry.values = state, key, sentence, values
        self._audit(entry.by, entry.name, f"{state}: {sentence}")
        self._tell()

    def _tell(self) -> None:
        self._keep(msgspec.json.encode(list(self._entries)))
        self._changed()


ENDED = {"restart-agent": "The agent has restarted.", "reboot": "The agent runs again."}


def _read(raw: bytes) -> list[Entry]:
    """What a former run left; what was under way then has ended with it."""
    try:
        entries = msgspec.json.decode(raw, type=list[Entry])[-ACTIONS_KEPT:] if raw else []
    except msgspec.DecodeError:  # of another version or damaged: a list for people, nothing more
        return []
    for entry in entries:
        if entry.state == "running":
            good = entry.name in ENDED
            entry.state, entry.key = ("done", entry.name) if good else ("failed", "interrupted")
            entry.sentence = ENDED.get(entry.name, "The agent stopped before it was done. Ask again.")
            entry.values = {}
    return entries
