# SPDX-License-Identifier: Apache-2.0
"""What who only looks is shown: nothing secret, in the language chosen, rendered once for all."""

import asyncio
from typing import Any

from microdot import Request

from agent.web.app import Pages
from agent.web.desk import Desk
from agent.web.limits import SHARED_FOR
from tests.integration.forms.site import HOST, PIN, Site


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
