# SPDX-License-Identifier: Apache-2.0
"""The page in a browser that gets no stream: the seventeenth viewer of a node."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from agent.web.limits import STREAMS_MAX
from tests.integration.web import scenes
from tests.integration.web.conftest import OpenTab
from tests.integration.web.site import HOST, Site

# Every time the warning comes up is counted, and every fetch that renewed the page.
WATCH = """(() => {
    window.warned = window.rounds = 0;
    const stale = document.getElementById("stale");
    new MutationObserver(() => { window.warned += !stale.hidden; }).observe(stale, {attributes: true});
    page.after.push(() => { window.rounds++; });
})()"""
ROUNDS = 4  # fetches by itself, about 3 s apart: longer than the page was ever silent before it warned


@pytest.fixture
def crowded(site: Site) -> Iterator[Site]:
    """Every stream is taken."""
    with ExitStack() as held:
        for _ in range(STREAMS_MAX):
            stream = held.enter_context(socket.create_connection((HOST, site.port)))
            stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {HOST}:{site.port}\r\n\r\n".encode())
            assert b"200" in stream.recv(64)
        yield site


def test_viewer_without_a_stream_sees_what_happens_and_no_false_alarm(
    crowded: Site, open_tab: OpenTab
) -> None:
    tab = open_tab()
    tab.go(crowded.url)
    tab.eval(WATCH)
    tab.wait(f"window.rounds >= {ROUNDS}")
    crowded.show(scenes.broken())
    tab.wait("document.querySelector('#verdict .sentence').innerText.includes('mosquitto')", 5)
    assert tab.eval("window.warned") == 0
    assert any("503" in each for each in tab.problems()), "it was given a stream: nothing was tested"


def test_viewer_without_a_stream_is_told_when_the_node_no_longer_answers(
    crowded: Site, open_tab: OpenTab
) -> None:
    tab = open_tab()
    tab.go(crowded.url)
    tab.eval(WATCH)
    tab.wait("window.rounds >= 1")
    tab.offline(True)
    tab.wait("!document.getElementById('stale').hidden", 15)
    tab.offline(False)
    tab.wait("document.getElementById('stale').hidden", 15)


def test_what_changes_every_second_of_the_warning_is_not_spoken(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    tab.offline(True)
    tab.wait("!document.getElementById('stale').hidden", 15)
    tab.eval("""(() => {
        window.changes = []; window.ticks = 0;
        new MutationObserver(list => list.forEach(({target}) => {
            window.ticks++;
            const at = target.nodeType === 1 ? target : target.parentElement;
            if (!at.closest("[aria-hidden=true]")) window.changes.push(target.nodeName);
        })).observe(document.getElementById("stale"), {subtree: true, childList: true, characterData: true});
    })()""")
    tab.wait("window.ticks >= 2")
    assert tab.eval("window.changes") == []
