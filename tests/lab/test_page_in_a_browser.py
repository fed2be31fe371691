# SPDX-License-Identifier: Apache-2.0
"""A lab's node on a phone: a cut link stands on its page within two seconds of its detection."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tools.browser.chromium import Chromium, missing
from tools.browser.tab import Tab
from tools.lab.client import Lab

log = logging.getLogger("x0.test")
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SHOWN_S = 2.0  # issue 3
CALM = "document.querySelector('#verdict').innerText.includes('Everything this node can see works')"
# When the verdict first speaks of it, the node is asked how long it has known: one clock, that of the node.
WATCH = """(() => {
    const look = async () => {
        if (window.asked || !document.querySelector("#verdict").innerText.includes("n3")) return;
        window.asked = true;
        const status = await (await fetch("/api/v1/status")).json();
        const fault = status.faults.find(each => each.open);
        window.shownAfter = fault.onset_ago - fault.found_after;
    };
    new MutationObserver(look).observe(document.querySelector("main"),
        {subtree: true, childList: true, characterData: true});
})()"""


@pytest.fixture
def tab() -> Iterator[Tab]:
    if why := missing():
        pytest.skip(why)
    with Chromium() as browser:
        yield Tab(browser)


def test_cut_link_is_on_the_page_within_two_seconds_and_so_is_its_end(lab_ring6: Lab, tab: Tab) -> None:
    tab.go(lab_ring6.page("n2"))
    tab.wait(CALM, 60)
    tab.eval(WATCH)
    lab_ring6.inject("link-dead", "n2", "n3")
    tab.wait("window.shownAfter !== undefined", 30)
    after = float(tab.eval("window.shownAfter"))
    log.info("shown %.2f s after its detection: %s", after, tab.text("#verdict .sentence"))
    assert after < SHOWN_S
    tab.wait(
        "document.querySelector('#verdict').innerText.includes('take the interface out of the mesh')", 30
    )
    assert "n3 is dead" in tab.text("#verdict")
    assert "Look at cable, plug, antenna" in tab.text("#verdict")
    lab_ring6.clear()
    tab.wait(CALM, 90)
    tab.wait("document.querySelector('#faults').innerText.includes('Earlier faults')")
    assert tab.problems() == []
