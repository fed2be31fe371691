# SPDX-License-Identifier: Apache-2.0
"""The documentation's pictures: real pages of real labs, healthy and broken, as a small phone shows them.

    python -m tools.docs.pictures

Needs chromium (`make setup`).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

from tools.browser.chromium import Chromium, missing
from tools.browser.tab import Tab
from tools.lab import lifecycle, story
from tools.lab.client import Lab

FOLDER: Final = Path(__file__).parents[2] / "docs/pictures"
DENSITY: Final = 2  # text stays readable when the picture is scaled down
LOOKS: Final = (("en", False), ("ru", True))  # language, dark
KNOWN_FOR_S: Final = 65.0  # agent/faults/partition.py: a node belongs to the mesh after a minute
SHOWN_S: Final = 30.0
NAME: Final = "pictures"


def picture(browser: Chromium, url: str, name: str, at: str = "") -> None:
    """The page as it is now in each look: NAME-LANG-THEME.png; `at`: the element that is above."""
    for lang, dark in LOOKS:
        tab = Tab(browser, dark=dark, density=DENSITY)
        tab.go(f"{url}?lang={lang}")
        if at:
            tab.eval(f"document.querySelector('{at}').scrollIntoView()")
        tab.shot(FOLDER / f"{name}-{lang}-{'dark' if dark else 'light'}.png")
        tab.close()


def wired(browser: Chromium, lab: Lab) -> None:
    """A node that is well, that leads traffic around a dead link, and whose mesh has split."""
    page = lab.page("n2")
    picture(browser, page, "healthy")
    picture(browser, page, "mesh", "#neighbours")
    lab.traffic_start("n1", "n3")
    time.sleep(3)  # of traffic before the cut
    made = lab.inject("link-dead", "n2", "n3")
    _wait(lab, "outcome", made.at, result="contained")
    picture(browser, page, "link-dead")
    lab.clear("link-dead")
    _wait(lab, "outcome", made.at, result="healed")
    time.sleep(max(0.0, KNOWN_FOR_S - (time.time() - made.at)))
    split = lab.inject("partition", "n4", "n5")
    _wait(lab, "diagnosis", split.at, fault="partition")
    picture(browser, page, "partition")


def radio(browser: Chromium, lab: Lab) -> None:
    """An antenna being aligned."""
    for lang, dark in LOOKS:
        tab = Tab(browser, dark=dark, density=DENSITY)
        tab.go(f"{lab.page('n2')}?lang={lang}")
        tab.eval("document.querySelector('.aim .off').click()")
        tab.wait("document.querySelector('.aim:target .graph path')?.getAttribute('d').length > 99", SHOWN_S)
        tab.eval("document.querySelector('#align').scrollIntoView()")
        tab.shot(FOLDER / f"align-{lang}-{'dark' if dark else 'light'}.png")
        tab.close()


def _wait(lab: Lab, event: str, since: float, **fields: str) -> None:
    """Until n2's agent has said that. (A cut may be called one-way first: both ends leave the link alike.)"""
    story.wait_for(
        lab,
        lambda e: e.event == event and all(e.fields.get(key) == value for key, value in fields.items()),
        since,
        SHOWN_S,
        ("n2",),
    )


def main() -> int:
    """Boot, take, end; twice."""
    if why := missing():
        print(f"pictures: {why}", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Chromium() as browser:
        for topology, take in (("ring:6", wired), ("radio:3", radio)):
            try:
                take(browser, lifecycle.up(topology, name=NAME))
            finally:
                lifecycle.down(NAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
