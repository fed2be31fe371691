# SPDX-License-Identifier: Apache-2.0
"""Signing in and acting over the real server: what a browser sends and gets, and what others cannot do."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from microdot import Request

from agent.web import notices, pin, request
from agent.web.access import NAME, Access
from agent.web.actions import CHECKS, Actions, Done, Fields
from agent.web.app import Pages
from agent.web.desk import Desk
from agent.web.forms import FORM, JSON
from agent.web.limits import POST_MAX, SESSION_IDLE, SHARED_FOR
from agent.web.server import Server
from tests.unit.web.test_page import document

HOST, PIN = "127.0.0.1", "482913"
SIGN_IN, END = "/api/v1/session", "/api/v1/session/end"
BUNDLE = b"\x1f\x8b" + bytes(100_000)


class Answer:
    """Status, headers (names in lower case, cookies apart) and body."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        pairs = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines[1:])]
        self.headers = dict(pairs)
        self.cookies = [value for name, value in pairs if name == "set-cookie"]

    @property
    def key(self) -> str:
        return str(json.loads(self.body)["error"]["key"])


class Browser:
    """Keeps cookies and says its origin, as browsers do."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"{HOST}:{port}"
        self.jar: dict[str, str] = {}

    async def send(self, raw: bytes) -> Answer:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(raw)
        answer = Answer(await asyncio.wait_for(reader.read(), 20))
        writer.close()
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.jar[name] = value
        return answer

    async def get(self, target: str, **more: str) -> Answer:
        return await self.send(self._head("GET", target, more) + b"\r\n")

    async def post(self, target: str, body: bytes, kind: str, **more: str) -> Answer:
        head = self._head("POST", target, more)
        return await self.send(
            head + f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )

    async def form(self, target: str, origin: str | None = "", **fields: str) -> Answer:
        more = {} if origin is None else {"Origin": origin or f"http://{self.host}"}
        return await self.post(target, urlencode(fields).encode(), FORM, **more)

    async def ask(self, target: str, **fields: Any) -> Answer:
        return await self.post(target, json.dumps(fields).encode(), JSON)

    def _head(self, method: str, target: str, more: dict[str, str]) -> bytes:
        headers = {"Host": self.host, **more}
        if self.jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {target} HTTP/1.1\r\n{lines}".encode()


class Site:
    """A running server with a desk whose actions are counted."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.folder, self.ran = folder, [("", {"": ""})][:0]
        self.status = document(position={"lat": 1}, node_key="x")
        self.status["host"]["latitude"] = 52.5
        self.access = Access(folder / "pin", folder / NAME, "boot")
        self.actions = Actions({name: self._runner(name) for name in CHECKS})
        self.desk = Desk(self.access, self.actions)
        self.pages = Pages(lambda: self.status, lambda: "", asyncio.Event(), self.desk)
        self.server = Server(self.pages.app, HOST, self.port)

    def _runner(self, name: str) -> Any:
        async def run(fields: Fields) -> Done:
            self.ran.append((name, dict(fields)))
            return Done("well", "All is well.", {}, BUNDLE if name == "support-bundle" else b"")

        return run

    def browser(self) -> Browser:
        return Browser(self.port)

    async def signed_in(self) -> tuple[Browser, str]:
        browser = self.browser()
        answer = await browser.ask(SIGN_IN, pin=PIN)
        assert answer.status == 200, answer.body
        return browser, str(json.loads(answer.body)["token"])


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(pin, "N", 2)
    pin.store(tmp_path / "pin", pin.make(PIN))
    site = Site(tmp_path)
    task = asyncio.create_task(site.server.serve())
    for _ in range(500):
        try:
            (await asyncio.open_connection(HOST, site.port))[1].close()
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)  # the server's task has not listened yet
    yield site
    await site.actions.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_form_with_the_right_pin_leads_back_signed_in(site: Site) -> None:
    browser = site.browser()
    assert b'name="pin"' in (await browser.get("/")).body
    answer = await browser.form(SIGN_IN, pin=PIN)
    assert (answer.status, answer.headers["location"]) == (303, "/?notice=signed-in")
    assert len(answer.cookies) == 2
    for cookie in answer.cookies:
        assert "; Path=/; HttpOnly; SameSite=Strict" in cookie
    page = (await browser.get("/")).body
    assert b'name="pin"' not in page
    assert b'name="token"' in page


async def test_the_policy_lets_browsers_say_where_a_form_comes_from(site: Site) -> None:
    answer = await site.browser().get("/")
    assert answer.headers["referrer-policy"] == "same-origin"  # no-referrer makes every Origin "null"
    assert "form-action 'self'" in answer.headers["content-security-policy"]


async def test_a_wrong_pin_leads_back_with_words_and_no_cookie(site: Site) -> None:
    browser = site.browser()
    answer = await browser.form(SIGN_IN, pin="000000")
    assert (answer.status, answer.headers["location"]) == (303, "/?notice=wrong-pin")
    assert browser.jar == {}
    refused = await browser.ask(SIGN_IN, pin="000000")
    assert (refused.status, refused.key) == (403, notices.WRONG_PIN)


async def test_a_lock_says_for_how_long(site: Site) -> None:
    browser = site.browser()
    for _ in range(4):
        assert (await browser.ask(SIGN_IN, pin="000000")).key == notices.WRONG_PIN
    answer = await browser.ask(SIGN_IN, pin="000000")
    assert (answer.status, answer.key) == (429, notices.LOCKED)
    assert 25 <= int(answer.headers["retry-after"]) <= 31
    assert (await browser.ask(SIGN_IN, pin=PIN)).key == notices.LOCKED
    assert (await browser.form(SIGN_IN, pin=PIN)).headers["location"] == "/?notice=locked"
    assert b'name="pin"' not in (await browser.get("/")).body


async def test_without_a_pin_the_page_says_how_to_set_one(site: Site) -> None:
    (site.folder / "pin").unlink()
    browser = site.browser()
    assert b"x0 pin set" in (await browser.get("/")).body
    assert (await browser.ask(SIGN_IN, pin=PIN)).key == notices.NO_PIN


async def test_nothing_is_done_before_it_is_confirmed(site: Site) -> None:
    browser, token = await site.signed_in()
    answer = await browser.form("/api/v1/actions/reboot", token=token)
    assert (answer.status, answer.headers["location"]) == (303, "/?confirm=reboot")
    assert (await browser.ask("/api/v1/actions/reboot", token=token)).status == 428
    assert (await browser.ask("/api/v1/actions/reboot", token=token, confirm="no")).status == 428
    await site.actions.wait()
    assert site.ran == []
    assert b'name="confirm" value="yes"' in (await browser.get("/?confirm=reboot")).body


async def test_a_confirmed_form_is_done_and_the_page_says_so(site: Site) -> None:
    browser, token = await site.signed_in()
    answer = await browser.form("/api/v1/actions/pause", token=token, minutes="20", confirm="yes")
    assert answer.status == 303
    assert answer.headers["location"].startswith("/?done=")
    await site.actions.wait()
    assert [(name, fields["minutes"]) for name, fields in site.ran] == [("pause", "20")]
    assert b"All is well." in (await browser.get(answer.headers["location"])).body
    (row,) = json.loads((await site.browser().get("/api/v1/status")).body)["actions"]
    assert (row["name"], row["state"], row["by"]) == ("pause", "done", "")
    (row,) = json.loads((await browser.get("/api/v1/status")).body)["actions"]
    assert row["by"] == "loopback"


async def test_json_is_answered_by_json(site: Site) -> None:
    browser, token = await site.signed_in()
    answer = await browser.ask("/api/v1/actions/resume", token=token, confirm=True)
    assert answer.status == 202
    assert json.loads(answer.body)["state"] == "running"
    header = {"X-X0-Token": token}
    assert (await browser.post("/api/v1/actions/resume", b'{"confirm":"yes"}', JSON, **header)).status == 202
    assert (await browser.ask("/api/v1/actions/nothing", token=token, confirm=True)).status == 404
    bad = await browser.ask("/api/v1/actions/pause", token=token, confirm=True, minutes=0)
    assert (bad.status, bad.key) == (400, notices.BAD_INPUT)


@pytest.mark.parametrize("name", CHECKS)
async def test_who_is_not_signed_in_does_nothing(site: Site, name: str) -> None:
    for browser in (site.browser(), site.browser()):
        browser.jar["x0session"] = "A" * 43
        answer = await browser.ask(
            f"/api/v1/actions/{name}", confirm="yes", hardif="e2", mac="02:78:30:02:00:01"
        )
        assert (answer.status, answer.key) == (401, notices.NOT_SIGNED_IN)
        led = await browser.form(f"/api/v1/actions/{name}", confirm="yes")
        assert led.headers["location"] == "/?notice=not-signed-in"
    assert site.ran == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"])
async def test_a_form_of_another_site_is_refused_though_the_cookie_came_along(
    site: Site, origin: str
) -> None:
    browser, token = await site.signed_in()
    for given in (token, ""):
        answer = await browser.form("/api/v1/actions/reboot", origin=origin, token=given, confirm="yes")
        assert (answer.status, answer.key) == (403, notices.NOT_FROM_HERE)
    assert (await browser.form(SIGN_IN, origin=origin, pin=PIN)).status == 403
    assert (await browser.form(END, origin=origin, token=token)).status == 403
    assert site.ran == []
    assert site.access.session(browser.jar["x0session"])


async def test_without_origin_the_token_is_needed(site: Site) -> None:
    browser, token = await site.signed_in()
    for wrong in ("", token[:-1], token + "x", "é"):
        answer = await browser.form("/api/v1/actions/resume", origin=None, token=wrong, confirm="yes")
        assert (answer.status, answer.key) == (403, notices.NOT_FROM_HERE)
    assert (
        await browser.form("/api/v1/actions/resume", origin=None, token=token, confirm="yes")
    ).status == 303


async def test_a_name_anyone_could_point_here_is_refused(site: Site) -> None:
    browser, token = await site.signed_in()
    browser.host = f"evil.example:{site.port}"
    answer = await browser.form("/api/v1/actions/reboot", token=token, confirm="yes")
    assert answer.headers["location"] == "/?notice=not-from-here"  # a person may have typed that name
    asked = await browser.ask("/api/v1/actions/reboot", token=token, confirm="yes")
    assert (asked.status, asked.key) == (403, notices.NOT_FROM_HERE)
    assert "open it by the node's address" in json.loads(asked.body)["error"]["what"]
    assert site.ran == []
    assert (await browser.get("/")).status == 200  # to look at, any name will do


async def test_signing_out_ends_the_session_everywhere(site: Site) -> None:
    browser, token = await site.signed_in()
    stolen = site.browser()
    stolen.jar = dict(browser.jar)
    assert (await browser.form(END, token=token)).headers["location"] == "/?notice=signed-out"
    for each in (browser, stolen):
        assert (await each.ask("/api/v1/actions/resume", token=token, confirm="yes")).status == 401


async def test_a_page_that_lies_open_does_not_keep_its_session_awake(site: Site) -> None:
    now = 0.0
    site.access = Access(site.folder / "pin", site.folder / NAME, "boot", clock=lambda: now)
    site.desk.access = site.access
    browser, token = await site.signed_in()
    for _ in range(int(SESSION_IDLE // 60) + 1):
        now += 60.0
        for path in ("/fragment", "/fragment?confirm=reboot&notice=signed-in", "/", "/api/v1/status"):
            assert (await browser.get(path)).status == 200
    assert (await browser.ask("/api/v1/actions/resume", token=token, confirm="yes")).status == 401
    browser, token = await site.signed_in()
    for _ in range(3):
        now += SESSION_IDLE - 1
        assert (await browser.ask("/api/v1/actions/resume", token=token, confirm="yes")).status == 202


async def test_signing_in_takes_no_session_id_from_outside(site: Site) -> None:
    browser = site.browser()
    browser.jar["x0session"] = planted = "A" * 43
    await browser.ask(SIGN_IN, pin=PIN)
    assert browser.jar["x0session"] != planted
    assert site.access.session(planted) is None


async def test_a_support_bundle_is_for_who_is_signed_in(site: Site) -> None:
    browser, token = await site.signed_in()
    made = json.loads((await browser.ask("/api/v1/actions/support-bundle", token=token, confirm=True)).body)
    await site.actions.wait()
    path = f"/api/v1/support-bundle/{made['id']}"
    assert (await site.browser().get(path)).status == 401
    answer = await browser.get(path)
    assert (answer.status, answer.body) == (200, BUNDLE)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await browser.get("/api/v1/support-bundle/0123")).status == 404


async def test_positions_and_keys_are_for_who_is_signed_in(site: Site) -> None:
    strangers = (await site.browser().get("/api/v1/status")).body
    assert b"position" not in strangers
    assert b"latitude" not in strangers
    assert b"mem_total" in strangers
    browser, _ = await site.signed_in()
    assert b"latitude" in (await browser.get("/api/v1/status")).body


async def test_a_notice_that_is_none_of_ours_is_not_shown(site: Site) -> None:
    body = (await site.browser().get("/?notice=%3Cscript%3Ealert(1)&confirm=%3Cb%3E&done=%3Cb%3E")).body
    assert b"alert(1)" not in body
    assert b"<b></b>" not in body


async def test_a_language_is_chosen_by_link_and_remembered(site: Site) -> None:
    browser = site.browser()
    assert b'lang="en"' in (await browser.get("/")).body
    assert b'<html lang="ru"' in (await browser.get("/?lang=ru")).body
    assert b'<html lang="ru"' in (await browser.get("/")).body
    assert b'<html lang="ru"' in (await browser.get("/?lang=xx")).body
    assert b'<html lang="ru"' in (await site.browser().get("/", **{"Accept-Language": "ru-RU,en;q=0.5"})).body


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Type: application/json\r\nContent-Length: 100000000", 413),
        (f"Content-Type: application/json\r\nContent-Length: {POST_MAX + 1}", 413),
        ("Content-Type: application/json\r\nTransfer-Encoding: chunked", 413),
        ("Content-Type: application/json\r\nContent-Length: 1\r\nContent-Length: 4", 400),
        ("Content-Type: text/plain\r\nContent-Length: 4", 415),
        ("Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 4", 415),
        ("Content-Length: 4", 415),
    ],
)
async def test_what_is_no_small_form_is_refused_at_its_head(site: Site, head: str, status: int) -> None:
    browser = site.browser()
    raw = f"POST {SIGN_IN} HTTP/1.1\r\nHost: {browser.host}\r\n{head}\r\n\r\n"
    assert (await browser.send(raw.encode())).status == status


async def test_a_body_that_drips_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "BODY_TIMEOUT", 0.05)
    browser = site.browser()
    head = f"POST {SIGN_IN} HTTP/1.1\r\nHost: {browser.host}\r\nContent-Type: {FORM}\r\n"
    raw = f"{head}Content-Length: 9\r\n\r\npin"
    assert (await browser.send(raw.encode())).status == 408
    assert (await browser.get("/healthz")).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [SIGN_IN, END, "/api/v1/actions/reboot"])
async def test_looking_does_nothing(site: Site, method: str, path: str) -> None:
    browser, _ = await site.signed_in()
    head = f"{method} {path}?confirm=yes HTTP/1.1\r\nHost: {browser.host}\r\n"
    answer = await browser.send(f"{head}Cookie: x0session={browser.jar['x0session']}\r\n\r\n".encode())
    assert answer.status in (404, 405)
    assert site.ran == []


async def test_who_only_looks_shares_what_was_rendered_until_there_is_news(site: Site) -> None:
    changed, built, now = asyncio.Event(), 0, 0.0

    def status() -> dict[str, Any]:
        nonlocal built
        built += 1
        return site.status

    pages = Pages(status, lambda: "", changed, Desk(site.access, site.actions), lambda: now)

    async def look(target: str = "/fragment", **headers: str) -> bytes:
        answer = await pages.app.dispatch_request(
            Request(pages.app, (HOST, 1), "GET", target, "1.1", {"host": HOST, **headers})
        )
        body: bytes = answer.body
        return body

    for _ in range(100):
        await look()
    assert built == 1
    await look(**{"accept-language": "ru"})
    assert built == 2
    now = SHARED_FOR
    await look()
    assert built == 3
    publishing = asyncio.create_task(pages.publish())
    changed.set()
    while changed.is_set():  # noqa: ASYNC110  cleared by `publish`, which tells nobody
        await asyncio.sleep(0)
    await look()
    assert built == 4
    publishing.cancel()
    made = await site.access.sign_in("10.0.0.9", "", PIN)
    for _ in range(3):  # with a token of its own
        assert made.token.encode() in await look(cookie=f"x0session={made.cookie}")
    assert built == 7
    assert made.token.encode() not in await look()
