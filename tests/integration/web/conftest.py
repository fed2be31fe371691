# SPDX-License-Identifier: Apache-2.0
"""One browser for all tests of the page; a tab and a site for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.web import scenes
from tests.integration.web.site import Site, serving
from tools.browser.chromium import Chromium, missing
from tools.browser.tab import Tab

OpenTab = Callable[..., Tab]


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    if why := missing():
        pytest.skip(why)
    with Chromium() as running:
        yield running


@pytest.fixture
def open_tab(browser: Chromium) -> Iterator[OpenTab]:
    """Makes tabs; they are closed at the end."""
    tabs: list[Tab] = []

    def make(**given: object) -> Tab:
        tabs.append(Tab(browser, **given))  # type: ignore[arg-type]
        return tabs[-1]

    yield make
    for tab in tabs:
        tab.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, scenes.healthy) as running:
        yield running
