# SPDX-License-Identifier: Apache-2.0
"""What the agents of a lab did, read from their JSON logs: for tests, benchmarks and `make run`."""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tools.lab.client import Lab

POLL_S = 0.2
Wanted = Callable[["Event"], bool]


class Event(msgspec.Struct, frozen=True):
    """One line of an agent's log. `at`: seconds since 1970 on the clock of injections and pings."""

    at: float
    node: str
    event: str
    message: str
    level: str
    fields: dict[str, Any]


def parse(line: bytes | str) -> Event | None:
    """The event of a log line, None where the line is none (a traceback, another program's output)."""
    try:
        told = json.loads(line)
        seconds, _, fraction = told["ts"].removesuffix("Z").partition(".")
        at = calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
        fields = told.get("fields", {})
        return Event(
            at, str(told["node"]), str(told["event"]), str(told["message"]), str(told["level"]), fields
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def events(lab: Lab, nodes: Sequence[str] | None = None, since: float = 0.0) -> list[Event]:
    """What the nodes' agents logged from `since` on, ordered by time."""
    found = []
    for node in nodes or lab.nodes:
        lines = b"".join(lab.log(node)).splitlines()
        found += [event for line in lines if (event := parse(line)) is not None and event.at >= since]
    return sorted(found, key=lambda event: event.at)


def wait_for(
    lab: Lab,
    wanted: Callable[[Event], bool],
    since: float,
    within: float,
    nodes: Sequence[str] | None = None,
) -> Event:
    """The first event from `since` on that is wanted; AssertionError with the story if none comes."""
    end = time.monotonic() + within
    while True:
        told = events(lab, nodes, since)
        for event in told:
            if wanted(event):
                return event
        if time.monotonic() > end:
            lines = "\n".join(f"{e.at - since:7.2f} {e.node} {e.event}: {e.message}" for e in told[-60:])
            raise AssertionError(f"not within {within:.0f} s; the agents said:\n{lines or 'nothing'}")
        time.sleep(POLL_S)
