# SPDX-License-Identifier: Apache-2.0
"""The status page of a running node: its server, routes, PIN, sessions and actions, put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from agent.authz.authoriser import Authoriser
from agent.config import Config, host_port
from agent.kernel.errors import KernelError
from agent.kernel.links import Links
from agent.nodeactions import NodeActions, Powers
from agent.web import access as signing_in
from agent.web.access import Access
from agent.web.actions import Actions
from agent.web.app import Pages
from agent.web.audit import Audit
from agent.web.desk import Desk
from agent.web.gate import Gate
from agent.web.latest import LatestFile
from agent.web.pin import path_of
from agent.web.server import Server

ACTIONS = "actions.json"  # under node.state_dir
ACTIONS_MAX = 64 * 1024  # bytes of it; ten entries have 5 KiB
OWN_FOR = (
    30.0  # s the node's own subnets are taken as read: strangers' requests must not become netlink dumps
)


class NodeWeb:
    """Serve `server` and run `pages.publish`; imported only where a page is wanted."""

    def __init__(
        self,
        config: Config,
        boot_id: str,
        powers: Powers,
        metrics: Callable[[], str],
        changed: asyncio.Event,
        remember: Callable[[bytes], None],
        authoriser: Authoriser,
    ) -> None:
        """`remember` keeps an audit record; `changed` wakes the stream; `authoriser` judges each request."""
        state = Path(config.node.state_dir)
        audit, kept = Audit(remember), LatestFile(state / ACTIONS, ACTIONS_MAX)
        access = Access(
            path_of(config.web.pin_file, config.node.state_dir), state / signing_in.NAME, boot_id, audit
        )
        actions = Actions(
            NodeActions(powers).runners(), kept=kept.read(), keep=kept.put, changed=changed.set, audit=audit
        )
        desk = Desk(access, actions, config.web.actions_from, OwnSubnets(), Gate(authoriser))
        host, port = host_port(config.web.listen)
        self.pages = Pages(powers.document, metrics, changed, desk)
        self.server = Server(self.pages.app, host, port)


class OwnSubnets:
    """The networks of this node's interfaces, ADDRESS/PREFIX each."""

    def __init__(
        self, read: Callable[[], tuple[str, ...]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._clock = read or own_subnets, clock
        self._found: tuple[str, ...] = ()
        self._until = float("-inf")

    def __call__(self) -> tuple[str, ...]:
        """As of at most OWN_FOR s ago; none where the kernel does not tell."""
        if self._clock() >= self._until:
            self._until = self._clock() + OWN_FOR
            try:
                self._found = self._read()
            except KernelError:
                self._found = ()
        return self._found


def own_subnets() -> tuple[str, ...]:
    """Asks the kernel. KernelError."""
    links = Links()
    try:
        return tuple(address for link in links.dump() for address in links.addresses(link.name))
    finally:
        links.close()
