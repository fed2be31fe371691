# SPDX-License-Identifier: Apache-2.0
"""The POST routes: signing in and out, actions; and the download of what an action made.

A form is answered by 303 back to the page (`/?notice=KEY`, `/?confirm=NAME`, `/?done=ID`), JSON by JSON:
{"ok": true, ...} or {"ok": false, "error": {"key", "what"}}. Without `confirm=yes` nothing is done: a form is
led to the page's question, JSON gets 428.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

import msgspec
from microdot import Request, Response

from agent.web import notices
from agent.web.access import Access
from agent.web.actions import CHECKS, Actions, RefusedError
from agent.web.errors import BadRequestError
from agent.web.forms import DEVICE_COOKIE, JSON, SESSION_COOKIE, cookies, fields, media_type
from agent.web.gate import Gate, refusal
from agent.web.limits import CHUNK
from agent.web.lockout import LOOPBACK
from agent.web.origin import foreign, key_of, outside, proven, same_page
from agent.web.sessions import Session, same

KNOWN_FOR = 180 * 86400  # s a browser keeps the cookie that tells it is known here
CLEAN = "Path=/; HttpOnly; SameSite=Strict"
TOKEN_HEADER = "x-x0-token"  # noqa: S105  a header's name


class Desk:
    """Over `access` and `actions`; `networks`: web.actions_from, `own`: the node's own subnets."""

    def __init__(
        self,
        access: Access,
        actions: Actions,
        networks: Iterable[str] = (),
        own: Callable[[], Iterable[str]] = lambda: (),
        gate: Gate | None = None,
    ) -> None:
        self.access, self.actions, self.gate = access, actions, gate or Gate()
        self._networks, self._own = tuple(networks), own

    async def sign_in(self, request: Request) -> Response:
        """POST /api/v1/session: pin."""
        try:
            given = self._fields(request)
            self.gate.require(request, False, "page.sign-in", "session")
            mine = cookies(request.headers.get("cookie", ""))
            made = await self.access.sign_in(who(request), mine.get(DEVICE_COOKIE, ""), given.get("pin", ""))
        except (RefusedError, BadRequestError) as error:
            return _refuse(request, error)
        self.access.sessions.end(mine.get(SESSION_COOKIE, ""))  # an id from before is not taken on
        back = (
            {"confirm": given["confirm"]} if given.get("confirm") in CHECKS else {"notice": notices.SIGNED_IN}
        )
        answer = _answer(request, back, 200, {"token": made.token})
        answer.headers["Set-Cookie"] = [
            f"{SESSION_COOKIE}={made.cookie}; {CLEAN}",
            f"{DEVICE_COOKIE}={made.device}; {CLEAN}; Max-Age={KNOWN_FOR}",
        ]
        return answer

    async def sign_out(self, request: Request) -> Response:
        """POST /api/v1/session/end."""
        try:
            given = self._fields(request)
            self._session(request, given)
        except (RefusedError, BadRequestError) as error:
            return _refuse(request, error)
        self.access.sign_out(who(request), cookies(request.headers.get("cookie", "")).get(SESSION_COOKIE, ""))
        answer = _answer(request, {"notice": notices.SIGNED_OUT}, 200, {})
        answer.headers["Set-Cookie"] = [f"{SESSION_COOKIE}=; {CLEAN}; Max-Age=0"]
        return answer

    async def act(self, request: Request, name: str) -> Response:
        """POST /api/v1/actions/NAME: agent/web/actions.py says its fields."""
        try:
            given = self._fields(request)
            self._session(request, given)
            check = CHECKS.get(name)
            if check is not None:
                self.gate.require(request, True, "page.act", name)
            if check is not None and given.get("confirm") != "yes":
                check(given)
                asked = {key: given[key] for key in ("minutes", "hardif", "mac") if key in given}
                if _is_json(request):
                    raise RefusedError("confirm", 428, f"{name} wants confirm: yes. Mend: send it along")
                return _answer(request, {"confirm": name, **asked}, 200, {})
            entry = self.actions.start(name, given, who(request))
        except (RefusedError, BadRequestError) as error:
            return _refuse(request, error)
        return _answer(request, {"done": entry.id}, 202, {"id": entry.id, "name": name, "state": entry.state})

    async def download(self, request: Request, number: str) -> Response:
        """GET /api/v1/support-bundle/ID, for who is signed in."""
        if self.session(request) is None:
            return _error(401, notices.NOT_SIGNED_IN, "sign in on the page first")
        decision = self.gate.ask(request, True, "page.download", "support-bundle")
        if not decision.allowed:
            return refusal(decision)
        content = self.actions.content(number)
        if not content:
            return _error(404, "gone", "there is no such file any more. Mend: make another one")
        headers = {
            "Content-Type": "application/gzip",
            "Content-Length": str(len(content)),
            "Content-Disposition": 'attachment; filename="x0-support.tar.gz"',
        }
        body: Any = content if request.method == "HEAD" else _pieces(content)
        return Response(body, 200, headers)

    def session(self, request: Request, touch: bool = False) -> Session | None:
        """Of the browser that sent the request."""
        cookie = cookies(request.headers.get("cookie", "")).get(SESSION_COOKIE, "")
        return self.access.session(cookie, touch)

    def _fields(self, request: Request) -> dict[str, str]:
        """After the origin was checked: who may not ask is not read."""
        if why := foreign(request.headers):
            raise RefusedError(notices.NOT_FROM_HERE, 403, f"refused: {why}")
        if outside(str(request.client_addr[0]), self._networks, self._own):
            raise RefusedError(
                notices.NOT_FROM_HERE,
                403,
                "actions are taken from the node's own networks only. Mend: join its network, or name yours "
                "in web.actions_from",
            )
        return fields(request.headers.get("content-type", ""), request.body or b"")

    def _session(self, request: Request, given: dict[str, str]) -> None:
        session = self.session(request, touch=True)
        if session is None:
            raise RefusedError(notices.NOT_SIGNED_IN, 401, "nobody is signed in. Mend: sign in with the PIN")
        token = given.get("token", "") or request.headers.get(TOKEN_HEADER, "")
        if same(token, session.token) or (not token and proven(request.headers)):
            return
        raise RefusedError(
            notices.NOT_FROM_HERE, 403, "the form's token is not the session's. Mend: load the page again"
        )


def who(request: Request) -> str:
    """The client's address as it is counted and audited."""
    return key_of(str(request.client_addr[0]), LOOPBACK)


async def _pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


def _is_json(request: Request) -> bool:
    return media_type(request.headers.get("content-type", "")) == JSON


def _answer(request: Request, back: dict[str, str], status: int, result: dict[str, Any]) -> Response:
    if _is_json(request):
        body = msgspec.json.encode({"ok": True, **result})
        return Response(body, status, {"Content-Type": "application/json; charset=utf-8"})
    return Response("", 303, {"Location": f"/?{urllib.parse.urlencode(back)}"})


def _refuse(request: Request, error: RefusedError | BadRequestError) -> Response:
    if isinstance(error, BadRequestError):
        error = RefusedError(notices.BAD_INPUT, error.status, str(error))
    foreign_form = error.notice == notices.NOT_FROM_HERE and not same_page(request.headers)
    if foreign_form or _is_json(request):  # another site's form is not led on
        answer = _error(error.status, error.notice, error.sentence)
    else:
        answer = Response("", 303, {"Location": f"/?notice={error.notice}"})
    if error.retry:
        answer.headers["Retry-After"] = str(int(error.retry) + 1)
    return answer


def _error(status: int, key: str, what: str) -> Response:
    body = msgspec.json.encode({"ok": False, "error": {"key": key, "what": what}})
    return Response(body, status, {"Content-Type": "application/json; charset=utf-8"})
