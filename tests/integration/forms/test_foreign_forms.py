# SPDX-License-Identifier: Apache-2.0
"""Forms of other sites and bodies that are no form: refused, at their head where that can be."""

import json

import pytest

from agent.web import notices, request
from agent.web.forms import FORM
from agent.web.limits import POST_MAX
from tests.integration.forms.site import END, PIN, SIGN_IN, Site


async def test_the_policy_lets_browsers_say_where_a_form_comes_from(site: Site) -> None:
    answer = await site.browser().get("/")
    assert answer.headers["referrer-policy"] == "same-origin"  # no-referrer makes every Origin "null"
    assert "form-action 'self'" in answer.headers["content-security-policy"]


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
