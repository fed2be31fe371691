# SPDX-License-Identifier: Apache-2.0
"""The page's weight: 25 KB with gzip in all. Its first paint is measured by `make bench PART=page`."""

from __future__ import annotations

import gzip
import urllib.request

from tests.integration.web.conftest import OpenTab
from tests.integration.web.site import Site

WEIGHT_MAX = 25_000


def test_all_that_is_loaded_is_one_small_file(site: Site, open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.go(site.url)
    loaded = tab.eval("performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)")
    assert set(loaded) <= {"/api/v1/events", "/fragment"}
    with urllib.request.urlopen(site.url) as answer:
        raw = answer.read()
    print("page:", len(raw), "bytes,", len(gzip.compress(raw)), "gzip")  # noqa: T201  for the closing note
    assert len(gzip.compress(raw)) < WEIGHT_MAX
