# SPDX-License-Identifier: Apache-2.0
"""The fields of a POST's body and the cookies of a request, bounded: both come from anyone."""

from __future__ import annotations

import re
import urllib.parse

import msgspec

from agent.web.errors import BadRequestError
from agent.web.limits import FIELD_MAX, FIELDS_MAX

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TYPES = frozenset({FORM, JSON})
SESSION_COOKIE, DEVICE_COOKIE, LANGUAGE_COOKIE = "x0session", "x0known", "x0lang"
_COOKIES = frozenset({SESSION_COOKIE, DEVICE_COOKIE, LANGUAGE_COOKIE})
_VALUE = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of our cookies: urlsafe base64, language codes
_NAME = re.compile(r"[a-z][a-z_-]{0,31}")


def media_type(header: str) -> str:
    """`application/json` of `application/json; charset=utf-8`."""
    return header.partition(";")[0].strip().lower()


def fields(header: str, body: bytes) -> dict[str, str]:
    """The body's fields by name. BadRequestError where it is none of ours."""
    found = _json(body) if media_type(header) == JSON else _form(body)
    if len(found) > FIELDS_MAX:
        raise BadRequestError(400, f"more than {FIELDS_MAX} fields")
    for name, value in found.items():
        if not _NAME.fullmatch(name):
            raise BadRequestError(400, "a field's name is not of small letters")
        if len(value) > FIELD_MAX or not (value.isprintable() or not value):
            raise BadRequestError(400, f"field {name} is too long or holds control characters")
    return found


def cookies(header: str) -> dict[str, str]:
    """Our cookies by name; the first of each, others and malformed ones are left out."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name in _COOKIES and name not in found and _VALUE.fullmatch(value):
            found[name] = value
    return found


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = urllib.parse.parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:  # not ASCII, not UTF-8 behind the escapes, too many fields
        raise BadRequestError(400, "the form cannot be read") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadRequestError(400, "a field comes twice")
    return dict(pairs)


def _json(body: bytes) -> dict[str, str]:
    try:
        given = msgspec.json.decode(body or b"{}", type=dict[str, str | int | bool])
    except (msgspec.DecodeError, RecursionError):
        raise BadRequestError(400, "the JSON is not one object of texts and whole numbers") from None
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
