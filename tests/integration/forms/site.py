# SPDX-License-Identifier: Apache-2.0
"""The agent's server with a desk whose actions are counted, and a browser that keeps cookies."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from agent.authz.authoriser import Authoriser
from agent.web.access import NAME, Access
from agent.web.actions import CHECKS, Actions, Done, Fields
from agent.web.app import Pages
from agent.web.desk import Desk
from agent.web.forms import FORM, JSON
from agent.web.gate import Gate
from agent.web.server import Server
from tests.unit.web.pages import document

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
        self.authoriser = Authoriser()
        self.desk = Desk(self.access, self.actions, gate=Gate(self.authoriser))
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
