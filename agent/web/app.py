# SPDX-License-Identifier: Apache-2.0
"""The routes: page, status, events, metrics, health; the forms are desk.py's.

Values come by call-backs. Each request is asked about (gate.py): the built-in table leaves all of it open to
who reaches it, and what the document says of positions and keys to who is signed in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from microdot import Microdot, Request, Response

from agent.authz.decision import Decision
from agent.web import notices, page
from agent.web.desk import Desk, who
from agent.web.forms import DEVICE_COOKIE, LANGUAGE_COOKIE, cookies
from agent.web.gate import Gate, refusal
from agent.web.limits import CALM_EVERY, SHARED_FOR, SHARED_MAX
from agent.web.request import ACTIONS, SESSION, SESSION_END
from agent.web.stream import Stream
from agent.web.view import Viewer
from agent.web.words import LANGUAGES, choose

Status = Callable[[], dict[str, Any]]
Answer = Callable[[Request, Decision], Awaitable[Response]]
Render = Callable[[dict[str, Any], str, Viewer], str]

HEALTHY = frozenset({"healthy", "healing", "paused"})  # the agent does its work; a pause is a person's wish
JSON = "application/json; charset=utf-8"
HTML = {  # a fragment opened by itself is a page, too
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": page.POLICY,
    # Not no-referrer: browsers would send "Origin: null" with our forms, as they do with a stranger's.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
METRICS = "text/plain; version=0.0.4; charset=utf-8"
HIDDEN = frozenset(
    {"position", "latitude", "longitude", "altitude", "coordinates", "key", "keys", "psk", "secret", "token"}
)
"""Keys of the document that are for who is signed in, on its first two levels."""
LANGUAGE_FOR = 365 * 86400  # s a chosen language is remembered


class Pages:
    """Routes over `status` (the document of agent/status.py) and `metrics` (Prometheus text)."""

    def __init__(
        self,
        status: Status,
        metrics: Callable[[], str],
        changed: asyncio.Event,
        desk: Desk | None = None,
        clock: Callable[[], float] = time.monotonic,
        gate: Gate | None = None,
    ) -> None:
        """`changed` is set by whoever changes what the status says; cleared here. `desk` takes the forms."""
        self._gate = gate or (desk.gate if desk else Gate())
        self._status = status
        self._metrics = metrics
        self._changed = changed
        self._desk = desk
        self._clock = clock
        self._shared: dict[tuple[Render, Viewer], tuple[bytes, float]] = {}
        self.stream = Stream()
        self.app = Microdot()
        # Coroutines all: microdot would run plain functions in a thread.
        self._read("/", self._page)
        self._read("/fragment", self._fragment)
        self._read("/api/v1/status", self._api_status)
        self._read("/api/v1/events", self._events)
        self._read("/metrics", self._api_metrics)
        self._read("/healthz", self._healthz)
        if desk:
            self.app.post(SESSION)(desk.sign_in)
            self.app.post(SESSION_END)(desk.sign_out)
            self.app.post(f"{ACTIONS}<name>")(desk.act)
            self.app.get("/api/v1/support-bundle/<number>")(desk.download)

    async def publish(self) -> None:
        """Feeds the stream: at once when something changes, else every CALM_EVERY s; idle without clients."""
        while True:
            try:
                async with asyncio.timeout(CALM_EVERY):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            self._shared.clear()  # who is told of news fetches them at once
            if self.stream.clients:
                self.stream.publish("status", msgspec.json.encode(self._document(private=False)))

    def _read(self, path: str, answer: Answer) -> None:
        """A route for who may read it."""

        async def route(request: Request) -> Response:
            decision = self._gate.ask(request, self._signed_in(request), "page.read", path)
            return await answer(request, decision) if decision.allowed else refusal(decision)

        self.app.get(path)(route)

    def _signed_in(self, request: Request) -> bool:
        return self._desk is not None and self._desk.session(request) is not None

    async def _page(self, request: Request, _decision: Decision) -> Response:
        viewer = self._viewer(request)
        headers: dict[str, Any] = dict(HTML)
        if request.args.get("lang") in LANGUAGES:
            headers["Set-Cookie"] = (
                f"{LANGUAGE_COOKIE}={viewer.lang}; Path=/; Max-Age={LANGUAGE_FOR}; HttpOnly; SameSite=Strict"
            )
        return Response(self._rendered(page.document, viewer), 200, headers)

    async def _fragment(self, request: Request, _decision: Decision) -> Response:
        return Response(self._rendered(page.sections, self._viewer(request)), 200, dict(HTML))

    def _rendered(self, render: Render, viewer: Viewer) -> bytes:
        """For who only looks, what others were given at this moment: 200 phones cost little more than one."""
        looks = viewer == Viewer(lang=viewer.lang, pin_set=viewer.pin_set, private=viewer.private)
        key, now = (render, viewer), self._clock()
        if looks and key in self._shared:
            text, until = self._shared[key]
            if now < until:
                return text
        text = render(self._document(viewer.private), viewer.lang, viewer).encode()
        if looks:
            if len(self._shared) >= SHARED_MAX:
                self._shared.clear()
            self._shared[key] = (text, now + SHARED_FOR)
        return text

    async def _api_status(self, request: Request, _decision: Decision) -> Response:
        private = self._gate.private(request, self._signed_in(request))
        return Response(msgspec.json.encode(self._document(private)), 200, {"Content-Type": JSON})

    async def _events(self, request: Request, decision: Decision) -> Response:
        if self.stream.full:
            return Response("too many streams are open; close another page or try later\n", 503)
        last = request.headers.get("last-event-id", "")
        last_id = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None
        if not self.stream.clients:  # nothing was published lately
            self.stream.publish("status", msgspec.json.encode(self._document(private=False)))
        headers = {"Content-Type": "text/event-stream; charset=utf-8"}
        body: Any = self.stream.follow(  # microdot's stubs do not know of streaming
            last_id, lambda cut: self._gate.watch(request, decision, cut)
        )
        return Response(body, 200, headers)

    async def _api_metrics(self, _request: Request, _decision: Decision) -> Response:
        return Response(self._metrics(), 200, {"Content-Type": METRICS})

    async def _healthz(self, _request: Request, _decision: Decision) -> Response:
        status = self._status()
        state = str(status["state"])
        answer = {"state": state}
        if state not in HEALTHY:
            answer["reason"] = str(status["verdict"]["sentence"])
        headers = {"Content-Type": JSON}
        return Response(msgspec.json.encode(answer), 200 if state in HEALTHY else 503, headers)

    def _document(self, private: bool) -> dict[str, Any]:
        status = self._status()
        if not private:
            status = {
                name: _open(value) if isinstance(value, dict) else value
                for name, value in _open(status).items()
            }
        if self._desk:
            status = {**status, "actions": self._desk.actions.listed(addresses=private)}
        return status

    def _viewer(self, request: Request) -> Viewer:
        mine = cookies(request.headers.get("cookie", ""))
        args = request.args
        lang = choose(
            str(args.get("lang", "")),
            mine.get(LANGUAGE_COOKIE, ""),
            request.headers.get("accept-language", ""),
        )
        if self._desk is None:
            return Viewer(lang=lang, private=self._gate.private(request, signed_in=False))
        # The live page asks for its fragment by itself: only what a person does keeps a session awake.
        session = self._desk.session(request, touch=request.path == "/" and bool(args.get("confirm")))
        access = self._desk.access
        return Viewer(
            lang=lang,
            pin_set=access.pin_set(),
            signed_in=session is not None,
            private=self._gate.private(request, session is not None),
            forbidden=self._gate.forbidden(request) if session else frozenset(),
            token=session.token if session else "",
            locked_for=0.0 if session else access.locked_for(who(request), mine.get(DEVICE_COOKIE, "")),
            notice=notices.known(str(args.get("notice", ""))),
            confirm=str(args.get("confirm", ""))[:32],
            done=str(args.get("done", ""))[:32],
        )


def _open(section: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name not in HIDDEN}
