# SPDX-License-Identifier: Apache-2.0
"""The authorisation over the real server: each request is asked about, what is open is cut in time."""

import asyncio
import json

import pytest

from agent.configpolicy import Rule
from agent.web import notices
from agent.web.actions import CHECKS
from agent.web.sections.actions import ACTIONS
from tests.integration.forms.site import HOST, SIGN_IN, Site


def deny(who: str, what: str, on: str = "*", networks: tuple[str, ...] = ()) -> Rule:
    return Rule("no", "deny", (who,), (what,), (on,), networks, why="the operator's wish")


@pytest.mark.parametrize(
    "path", ["/", "/fragment", "/api/v1/status", "/api/v1/events", "/metrics", "/healthz"]
)
async def test_a_denied_path_is_refused_with_the_mend_and_the_others_are_not(site: Site, path: str) -> None:
    site.authoriser.reload([deny("reader", "page.read", path)])
    answer = await site.browser().get(path)
    assert answer.status == 403
    assert b"the operator's wish" in answer.body
    assert f"x0 policy why reader page.read {path}".encode() in answer.body
    other = "/metrics" if path == "/" else "/"
    assert (await site.browser().get(other)).status == 200
    assert (await site.browser().get(f"{path}?lang=ru")).status == 403


async def test_a_rule_for_a_network_holds_for_clients_from_there(site: Site) -> None:
    site.authoriser.reload([deny("reader", "page.read", "/metrics", ("10.0.0.0/8",))])
    assert (await site.browser().get("/metrics")).status == 200
    site.authoriser.reload([deny("reader", "page.read", "/metrics", ("127.0.0.0/8",))])
    assert (await site.browser().get("/metrics")).status == 403


@pytest.mark.parametrize("name", CHECKS)
async def test_a_denied_action_is_neither_offered_nor_asked_back_nor_done(site: Site, name: str) -> None:
    browser, token = await site.signed_in()
    assert f'action="/api/v1/actions/{name}#'.encode() in (await browser.get("/")).body or name == "resume"
    site.authoriser.reload([deny("pin", "page.act", name)])
    body = (await browser.get(f"/?confirm={name}")).body
    assert f'action="/api/v1/actions/{name}#'.encode() not in body
    for fields in ({"confirm": True}, {}):
        answer = await browser.ask(f"/api/v1/actions/{name}", token=token, hardif="e2", mac="x", **fields)
        assert (answer.status, answer.key) == (403, notices.DENIED)
    form = await browser.form(f"/api/v1/actions/{name}", token=token, confirm="yes")
    assert (form.status, form.headers["location"]) == (303, "/?notice=denied")
    assert b"policy does not allow that" in (await browser.get("/?notice=denied")).body
    await site.actions.wait()
    assert site.ran == []


async def test_other_actions_stay_as_they_are(site: Site) -> None:
    browser, token = await site.signed_in()
    site.authoriser.reload([deny("pin", "page.act", "reboot")])
    assert (await browser.ask("/api/v1/actions/pause", token=token, confirm=True)).status == 202
    page = (await browser.get("/")).body
    for name in set(ACTIONS) - {"reboot", "resume"}:
        assert f"/api/v1/actions/{name}#".encode() in page


async def test_a_pin_from_where_nobody_may_sign_in_is_not_looked_at(site: Site) -> None:
    site.authoriser.reload([deny("reader", "page.sign-in", "session", ("127.0.0.0/8",))])
    for pin in ("482913", "000000"):
        answer = await site.browser().ask(SIGN_IN, pin=pin)
        assert (answer.status, answer.key) == (403, notices.DENIED)
    site.authoriser.reload([])
    assert (await site.browser().ask(SIGN_IN, pin="482913")).status == 200


async def test_a_denied_download_is_refused(site: Site) -> None:
    browser, token = await site.signed_in()
    answer = await browser.ask("/api/v1/actions/support-bundle", token=token, confirm=True)
    number = json.loads(answer.body)["id"]
    await site.actions.wait()
    site.authoriser.reload([deny("pin", "page.download")])
    assert (await browser.get(f"/api/v1/support-bundle/{number}")).status == 403
    site.authoriser.reload([])
    assert (await browser.get(f"/api/v1/support-bundle/{number}")).status == 200


async def test_positions_are_for_whom_the_policy_says(site: Site) -> None:
    browser, _ = await site.signed_in()
    assert "position" in json.loads((await browser.get("/api/v1/status")).body)
    assert "position" not in json.loads((await site.browser().get("/api/v1/status")).body)
    site.authoriser.reload(
        [
            deny("pin", "page.read-private"),
            Rule("map", "allow", ("reader",), ("page.read-private",)),
        ]
    )
    assert "position" not in json.loads((await browser.get("/api/v1/status")).body)
    assert "position" in json.loads((await site.browser().get("/api/v1/status")).body)


async def test_a_stream_that_is_no_longer_allowed_is_cut_at_once(site: Site) -> None:
    reader, writer = await asyncio.open_connection(HOST, site.port)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: {HOST}:{site.port}\r\n\r\n".encode())
    async with asyncio.timeout(5):
        while b"event: status" not in await reader.readline():
            pass
    assert (site.authoriser.open, site.pages.stream.clients) == (1, 1)
    site.authoriser.reload([deny("reader", "page.read", "/metrics")])
    assert site.authoriser.open == 1, "another rule cuts nothing"
    site.authoriser.reload([deny("reader", "page.read", "/api/v1/events")])
    async with asyncio.timeout(1):
        await reader.read()
    writer.close()
    assert (site.authoriser.open, site.authoriser.cut, site.pages.stream.clients) == (0, 1, 0)


async def test_a_stream_whose_client_leaves_is_watched_no_more(site: Site) -> None:
    reader, writer = await asyncio.open_connection(HOST, site.port)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: {HOST}:{site.port}\r\n\r\n".encode())
    async with asyncio.timeout(5):
        await reader.readline()
        while site.authoriser.open != 1:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the stream tells nobody that it began
        writer.transport.abort()
        while site.authoriser.open:
            site.pages.stream.publish("status", b"{}")
            await asyncio.sleep(0.01)  # the server learns of it when it writes
    assert site.authoriser.cut == 0


async def test_every_request_is_counted(site: Site) -> None:
    browser, _ = await site.signed_in()
    await site.browser().get("/metrics")
    await browser.get("/")
    rows = {(dict(key)["action"], dict(key)["subject"]) for key in site.authoriser.tally.series()}
    assert rows == {("page.sign-in", "reader"), ("page.read", "reader"), ("page.read", "pin")}
