# SPDX-License-Identifier: Apache-2.0
"""Actions over the real server: confirmed first, for who is signed in only, answered in kind."""

import json

import pytest

from agent.web import notices
from agent.web.actions import CHECKS
from agent.web.forms import JSON
from tests.integration.forms.site import BUNDLE, END, SIGN_IN, Site


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


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [SIGN_IN, END, "/api/v1/actions/reboot"])
async def test_looking_does_nothing(site: Site, method: str, path: str) -> None:
    browser, _ = await site.signed_in()
    head = f"{method} {path}?confirm=yes HTTP/1.1\r\nHost: {browser.host}\r\n"
    answer = await browser.send(f"{head}Cookie: x0session={browser.jar['x0session']}\r\n\r\n".encode())
    assert answer.status in (404, 405)
    assert site.ran == []
