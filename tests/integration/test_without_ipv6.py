# SPDX-License-Identifier: Apache-2.0
"""The whole agent, as a process, where no IPv6 socket can be opened (a kernel with ipv6.disable=1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration import netns
from tests.integration.running import TREE, running, until

REFUSING = """
import errno, socket
class Socket(socket.socket):
    def __init__(self, family=-1, *rest, **named):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, *rest, **named)
socket.socket = Socket
"""


def test_without_ipv6_the_page_is_there_and_says_what_is_missing(tmp_path: Path) -> None:
    why = netns.missing()
    if why:
        pytest.skip(why)
    (tmp_path / "sitecustomize.py").write_text(REFUSING)  # Python imports it first
    mesh = "{interfaces: [{name: e1, kind: wire}], name: x0nbat}"
    prefix = ("env", f"PYTHONPATH={tmp_path}:{TREE}")
    with netns.pair("ni") as (here, _), netns.inside(here):
        netns.ip("-n", here, "link", "set", "lo", "up")
        with running(tmp_path, mesh=mesh, prefix=prefix) as agent:
            wanted = {"hello e1", "task echoes"}
            errors = until(
                lambda: e if wanted <= (e := agent.status()["errors"]).keys() else None, "both said"
            )
            assert all("ipv6.disable=1" in errors[name] for name in wanted)
            agent.message("started again in 2.0 s")
            assert agent.status()["node"]
