# SPDX-License-Identifier: Apache-2.0
"""A running site for each test of the forms."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.web import pin
from tests.integration.forms.site import HOST, PIN, Site


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(pin, "N", 2)
    pin.store(tmp_path / "pin", pin.make(PIN))
    site = Site(tmp_path)
    task = asyncio.create_task(site.server.serve())
    for _ in range(500):
        try:
            (await asyncio.open_connection(HOST, site.port))[1].close()
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)  # the server's task has not listened yet
    yield site
    await site.actions.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
