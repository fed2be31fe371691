# SPDX-License-Identifier: Apache-2.0
"""Rules of forms and cookies."""

import pytest

from agent.web.errors import BadRequestError
from agent.web.forms import FORM, JSON, cookies, fields, media_type
from agent.web.limits import FIELD_MAX, FIELDS_MAX


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        (FORM, b"", {}),
        (FORM, b"pin=48+29%2B13&confirm=", {"pin": "48 29+13", "confirm": ""}),
        (f"{FORM}; charset=UTF-8", b"pin=%D0%BF", {"pin": "п"}),
        (JSON, b"", {}),
        (
            JSON,
            b'{"minutes": 15, "confirm": true, "pin": "x"}',
            {"minutes": "15", "confirm": "yes", "pin": "x"},
        ),
        (JSON, b'{"confirm": false}', {"confirm": "no"}),
    ],
)
def test_fields_are_read(kind: str, body: bytes, found: dict[str, str]) -> None:
    assert fields(kind, body) == found


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"pin=1&pin=2"),
        (FORM, b"pin=%ff"),
        (FORM, b"pin=\xff"),
        (FORM, b"PIN=1"),
        (FORM, b"p\x00n=1"),
        (FORM, b"pin=a%00b"),
        (FORM, b"pin=" + b"1" * (FIELD_MAX + 1)),
        (FORM, b"&".join(b"a%s=1" % (b"b" * n) for n in range(FIELDS_MAX + 2))),
        (JSON, b"[]"),
        (JSON, b"{"),
        (JSON, b'{"pin": null}'),
        (JSON, b'{"pin": {"a": 1}}'),
        (JSON, b'{"pin": 1.5}'),
        (JSON, b"[" * 4000),
        (JSON, b'{"pin": "\\ud800"}'),
    ],
)
def test_nonsense_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(BadRequestError) as caught:
        fields(kind, body)
    assert caught.value.status == 400


def test_only_our_well_formed_cookies_are_taken_the_first_of_each() -> None:
    header = "a=b; x0session=abc_-1; x0session=def; x0known=; x0lang=ru; ; =; x0; x0known=<script>"
    assert cookies(header) == {"x0session": "abc_-1", "x0lang": "ru"}
    assert cookies("x0session=" + "a" * 65) == {}
    assert cookies("") == {}


def test_media_types_are_told_without_parameters() -> None:
    assert media_type(" Application/JSON ; charset=utf-8") == JSON
    assert media_type("") == ""
