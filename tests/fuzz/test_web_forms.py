# SPDX-License-Identifier: Apache-2.0
"""Hostile forms, cookies, heads and state files: read as meant, or refused in words; never anything else."""

import contextlib
import urllib.parse

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.web.errors import BadRequestError
from agent.web.forms import FORM, JSON, cookies, fields
from agent.web.limits import FIELD_MAX, FIELDS_MAX, HEAD_MAX, LOCK_ALL, POST_MAX
from agent.web.lockout import Lockout
from agent.web.origin import foreign, key_of, outside, proven
from agent.web.request import METHODS, parse_head, takes_form

names = st.from_regex(r"\A[a-z][a-z_-]{0,31}\Z")
values = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=FIELD_MAX)
few = st.dictionaries(names, values, max_size=FIELDS_MAX)
HEADERS = """\
Content-Length: 5
content-length: 99999999999999999999
Transfer-Encoding: chunked
Content-Type: application/json
Origin: null
Host: a
Cookie: x0session=a; x0session=b
 folded"""
lines = st.binary(max_size=200) | st.sampled_from([line.encode() for line in HEADERS.split("\n")])


@given(few)
def test_what_a_browser_sends_is_read_as_it_was_meant(given_: dict[str, str]) -> None:
    assert fields(FORM, urllib.parse.urlencode(given_).encode()) == given_
    assert fields(JSON, msgspec.json.encode(given_)) == given_


@given(st.sampled_from([FORM, JSON, f"{JSON}; charset=x", ""]), st.binary(max_size=POST_MAX))
def test_any_body_is_read_or_refused_and_stays_small(kind: str, body: bytes) -> None:
    with contextlib.suppress(BadRequestError):
        found = fields(kind, body)
        assert len(found) <= FIELDS_MAX
        assert all(len(name) <= 32 and len(value) <= FIELD_MAX for name, value in found.items())
        assert all(value.isprintable() for value in found.values())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda i: st.lists(i) | st.dictionaries(st.text(), i),
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    with contextlib.suppress(BadRequestError, ValueError):
        body = msgspec.json.encode(document)
        assert isinstance(fields(JSON, body), dict)


@given(st.text(max_size=HEAD_MAX))
def test_any_cookie_header_gives_our_well_formed_cookies_only(header: str) -> None:
    found = cookies(header)
    assert set(found) <= {"x0session", "x0known", "x0lang"}
    assert all(
        value.replace("-", "a").replace("_", "a").isalnum() and value.isascii() for value in found.values()
    )


@given(
    st.sampled_from([b"POST", b"GET", b"HEAD", b"PUT", b"post"]),
    st.binary(max_size=60),
    st.lists(lines, max_size=8),
)
def test_any_head_is_read_or_refused_and_never_lets_a_large_body_in(
    method: bytes, path: bytes, more: list[bytes]
) -> None:
    for target in (path, b"/api/v1/session", b"/api/v1/actions/" + path):
        raw = method + b" " + target + b" HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in more) + b"\r\n"
        with contextlib.suppress(BadRequestError):
            head = parse_head(raw)
            assert head.method in METHODS or takes_form(head.target.partition("?")[0])
            assert head.length <= (POST_MAX if head.method == "POST" else 0)
            assert "transfer-encoding" not in head.headers


@given(st.dictionaries(st.sampled_from(["host", "origin", "sec-fetch-site"]), st.text()), st.text())
def test_any_origin_and_address_is_judged(headers: dict[str, str], address: str) -> None:
    foreign(headers)
    assert not (proven(headers) and foreign(headers))
    outside(address, (), lambda: (address,))
    assert len(key_of(address, "loopback")) <= 64


@given(st.text().filter(lambda text: "evil" not in text))
def test_no_origin_passes_but_our_own(host: str) -> None:
    assert foreign({"host": host, "origin": "http://evil.example"})


@given(
    st.binary(max_size=200)
    | st.fixed_dictionaries(
        {},
        optional={
            "boot": st.text(), "saved": st.floats(), "pin": st.text(), "until": st.floats(),
            "recent": st.lists(st.floats()), "known": st.lists(st.text()),
            "counts": st.dictionaries(st.text(), st.fixed_dictionaries({}, optional={
                "wrong": st.integers(), "last": st.floats(), "until": st.floats()})),
        },
    ).map(msgspec.json.encode),
    st.floats(0, 1e9),
)  # fmt: skip
def test_no_state_file_locks_anyone_for_ever_or_breaks_the_count(raw: bytes, now: float) -> None:
    lockout = Lockout("boot", raw, now)
    for key in ("10.0.0.1", "loopback", ""):
        assert lockout.wait(key, now) <= LOCK_ALL
        lockout.attempt(key, now)
        assert lockout.wait(key, now) <= LOCK_ALL
        assert lockout.wait(key, now + 2 * LOCK_ALL) == 0
    assert lockout.dump(now)
