# SPDX-License-Identifier: Apache-2.0
"""Signing in and out over the real server: what a browser sends and gets, what ends a session."""

from agent.web import notices
from agent.web.access import NAME, Access
from agent.web.limits import SESSION_IDLE
from tests.integration.forms.site import END, PIN, SIGN_IN, Site


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
