# SPDX-License-Identifier: Apache-2.0
"""Reads one HTTP/1 request within bounds. (microdot's reader bounds neither time nor count.)

A body is read only where a form may be sent to, and only once the head says that it is small and of a kind we
know: everything else is refused at its head, unread.
"""

from __future__ import annotations

import asyncio

import msgspec

from agent.web.errors import BadRequestError
from agent.web.forms import TYPES, media_type
from agent.web.limits import BODY_MAX, BODY_TIMEOUT, HEAD_TIMEOUT, HEADERS_MAX, POST_MAX

METHODS = frozenset({"GET", "HEAD"})
SESSION, SESSION_END, ACTIONS = "/api/v1/session", "/api/v1/session/end", "/api/v1/actions/"
SINGLE = frozenset(
    {"host", "origin", "content-length", "content-type", "cookie"}
)  # a second one is for deceiving


class Head(msgspec.Struct, frozen=True):
    """A request's method, target and headers (names in lower case)."""

    method: str
    target: str
    version: str
    headers: dict[str, str]

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return int(self.headers.get("content-length", "0"))


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The head of the next request, None where the client closed first. Raises BadRequestError."""
    try:
        async with asyncio.timeout(HEAD_TIMEOUT):
            raw = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise BadRequestError(408, f"the request was not complete after {HEAD_TIMEOUT:.0f} s") from None
    except asyncio.LimitOverrunError:
        raise BadRequestError(431, "the request's headers are too large") from None
    except asyncio.IncompleteReadError:
        return None
    return parse_head(raw)


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes | None:
    """The body that belongs to `head`, None where the client closed first. Raises BadRequestError."""
    if not head.length:
        return b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await reader.readexactly(head.length)
    except TimeoutError:
        raise BadRequestError(408, f"the body was not complete after {BODY_TIMEOUT:.0f} s") from None
    except asyncio.IncompleteReadError:
        return None


def takes_form(path: str) -> bool:
    """Is this a path of a POST route?"""
    return path in (SESSION, SESSION_END) or (path.startswith(ACTIONS) and len(path) > len(ACTIONS))


def parse_head(raw: bytes) -> Head:
    """The head in `raw` (which ends with an empty line). Raises BadRequestError."""
    lines = raw.decode("latin-1").split("\r\n")[:-2]
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError(400, "the first line is not METHOD TARGET HTTP/1.x")
    method, target, version = words
    post = method == "POST" and takes_form(target.partition("?")[0])
    if method not in METHODS and not post:
        raise BadRequestError(405, "only GET and HEAD are answered here")
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise BadRequestError(400, "the target is not a plain path")
    if len(lines) - 1 > HEADERS_MAX:
        raise BadRequestError(431, f"more than {HEADERS_MAX} headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or not name or name != name.strip() or (key in SINGLE and key in headers):
            raise BadRequestError(400, "a header is not NAME: VALUE")
        headers[key] = value.strip()
    _check_body(headers, post)
    return Head(method, target, version.removeprefix("HTTP/"), headers)


def _check_body(headers: dict[str, str], post: bool) -> None:
    most = POST_MAX if post else BODY_MAX
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > most:
        raise BadRequestError(
            413, f"a body of more than {most} bytes is not taken here" if post else "a body is not taken here"
        )
    if "transfer-encoding" in headers:
        raise BadRequestError(413, "a body without Content-Length is not taken here")
    if post and int(length) and media_type(headers.get("content-type", "")) not in TYPES:
        raise BadRequestError(415, f"the body must be {' or '.join(sorted(TYPES))}")
