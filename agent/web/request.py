# SPDX-License-Identifier: Apache-2.0
"""Reads one HTTP/1 request head within bounds. (microdot's reader bounds neither time nor count.)"""

from __future__ import annotations

import asyncio

import msgspec

from agent.web.errors import BadRequestError
from agent.web.limits import BODY_MAX, HEAD_TIMEOUT, HEADERS_MAX

METHODS = frozenset({"GET", "HEAD"})


class Head(msgspec.Struct, frozen=True):
    """A request's method, target and headers (names in lower case)."""

    method: str
    target: str
    version: str
    headers: dict[str, str]


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


def parse_head(raw: bytes) -> Head:
    """The head in `raw` (which ends with an empty line). Raises BadRequestError."""
    lines = raw.decode("latin-1").split("\r\n")[:-2]
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError(400, "the first line is not METHOD TARGET HTTP/1.x")
    method, target, version = words
    if method not in METHODS:
        raise BadRequestError(405, "only GET and HEAD are answered here")
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise BadRequestError(400, "the target is not a plain path")
    if len(lines) - 1 > HEADERS_MAX:
        raise BadRequestError(431, f"more than {HEADERS_MAX} headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(400, "a header is not NAME: VALUE")
        headers[name.lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > BODY_MAX:
        raise BadRequestError(413, "a body is not taken here")
    if "transfer-encoding" in headers:
        raise BadRequestError(413, "a body is not taken here")
    return Head(method, target, version.removeprefix("HTTP/"), headers)
