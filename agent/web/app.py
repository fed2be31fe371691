# SPDX-License-Identifier: Apache-2.0
"""The routes: page, status, events, metrics, health. Read-only; values come by call-backs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from microdot import Microdot, Request, Response

from agent.web import page
from agent.web.limits import CALM_EVERY
from agent.web.stream import Stream

Status = Callable[[], dict[str, Any]]

HEALTHY = frozenset({"healthy", "healing", "paused"})  # the agent does its work; a pause is a person's wish
JSON = "application/json; charset=utf-8"
HTML = {  # a fragment opened by itself is a page, too
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": page.POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Pages:
    """Routes over `status` (the document of agent/status.py) and `metrics` (Prometheus text)."""

    def __init__(self, status: Status, metrics: Callable[[], str], changed: asyncio.Event) -> None:
        """`changed` is set by whoever changes what the status says; it is cleared here."""
        self._status = status
        self._metrics = metrics
        self._changed = changed
        self.stream = Stream()
        self.app = Microdot()
        # Coroutines all: microdot would run plain functions in a thread.
        self.app.get("/")(self._page)
        self.app.get("/fragment")(self._fragment)
        self.app.get("/api/v1/status")(self._api_status)
        self.app.get("/api/v1/events")(self._events)
        self.app.get("/metrics")(self._api_metrics)
        self.app.get("/healthz")(self._healthz)

    async def publish(self) -> None:
        """Feeds the stream: at once when something changes, else every CALM_EVERY s; idle without clients."""
        while True:
            try:
                async with asyncio.timeout(CALM_EVERY):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            if self.stream.clients:
                self.stream.publish("status", msgspec.json.encode(self._status()))

    async def _page(self, _request: Request) -> Response:
        return Response(page.document(self._status()), 200, dict(HTML))

    async def _fragment(self, _request: Request) -> Response:
        return Response(page.sections(self._status()), 200, dict(HTML))

    async def _api_status(self, _request: Request) -> Response:
        return Response(msgspec.json.encode(self._status()), 200, {"Content-Type": JSON})

    async def _events(self, request: Request) -> Response:
        if self.stream.full:
            return Response("too many streams are open; close another page or try later\n", 503)
        last = request.headers.get("last-event-id", "")
        last_id = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None
        if not self.stream.clients:  # nothing was published lately
            self.stream.publish("status", msgspec.json.encode(self._status()))
        headers = {"Content-Type": "text/event-stream; charset=utf-8"}
        body: Any = self.stream.follow(last_id)  # microdot's stubs do not know of streaming
        return Response(body, 200, headers)

    async def _api_metrics(self, _request: Request) -> Response:
        return Response(self._metrics(), 200, {"Content-Type": METRICS})

    async def _healthz(self, _request: Request) -> Response:
        status = self._status()
        state = str(status["state"])
        answer = {"state": state}
        if state not in HEALTHY:
            answer["reason"] = str(status["verdict"]["sentence"])
        headers = {"Content-Type": JSON}
        return Response(msgspec.json.encode(answer), 200 if state in HEALTHY else 503, headers)
