# SPDX-License-Identifier: Apache-2.0
"""What is told of one secured interface: from its service, the kernel's last word, and frames in clear."""

from __future__ import annotations

import secrets
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from agent.hello.peers import eui64
from agent.kernel.errors import NotPermittedError
from agent.kernel.macsecrows import RxChannel, Sci, SecY
from agent.linksec import agentrun
from agent.linksec.report import LinkState
from agent.linksec.secured import Secured
from agent.linksec.service import Settings
from tests.unit.linksec.pretend import PretendMacsec, PretendOwners

OWN, MAC = Sci("02:00:00:00:00:01"), "02:00:00:00:00:02"
PEER = "spiffe://tal/node/berta"


class Installer(PretendMacsec):
    """Keeps what was seen, as the real one."""

    seen: SecY | None = None


class Frames:
    """Frames in clear that came since the last look."""

    def __init__(self) -> None:
        self.came: list[frozenset[str]] = []
        self.closed = False

    def senders(self) -> frozenset[str]:
        return self.came.pop(0) if self.came else frozenset()

    def close(self) -> None:
        self.closed = True


class World:
    """One interface; its service is told what to say."""

    def __init__(self) -> None:
        self.now, self.frames, self.installer = 100.0, Frames(), Installer(OWN)
        trust: Any = SimpleNamespace(contexts=None, verify=None, issuers=lambda: ())
        self.secured = Secured(
            Settings("e1", "tal", rekey_period=60.0),
            "macsec0",
            self.installer.state(),
            run=agentrun.begin(secrets.token_bytes),
            trust=trust,
            owners=PretendOwners(),
            on_event=lambda _: None,
            clock=lambda: self.now,
            installer=cast(Any, self.installer),
            open_frames=lambda _: cast(Any, self.frames),
        )

    def linked(self, monkeypatch: pytest.MonkeyPatch, *, up: bool = True) -> None:
        state = LinkState("e1", PEER, MAC, "fe80::2", up=up, held=False, suite="hybrid", age=9.0, key_age=4.0)
        monkeypatch.setattr(self.secured.service, "states", lambda: (state,))


def test_before_a_neighbour_comes_there_is_no_key_and_that_is_told() -> None:
    told = World().secured.interface()
    assert (told.hardif, told.device, told.there, told.key_age, told.rekey_period) == (
        "e1",
        "macsec0",
        True,
        None,
        60.0,
    )
    assert told.counts["confirmed"] == 0
    assert told.failures == {}


@pytest.mark.parametrize(("up", "state"), [(True, "post-quantum"), (False, "none")])
def test_a_link_is_secured_once_each_can_read_the_other(
    monkeypatch: pytest.MonkeyPatch, up: bool, state: str
) -> None:
    world = World()
    world.linked(monkeypatch, up=up)
    (link,) = world.secured.links()
    assert (link.hardif, link.mac, link.peer, link.state, link.key_age) == ("e1", MAC, PEER, state, 4.0)
    assert link.rx_ok is None  # the kernel was not looked at yet


def test_packets_that_no_key_fits_are_those_of_the_neighbours_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.linked(monkeypatch)
    channel = RxChannel(Sci(MAC), True, (), ok=50, invalid=1, not_valid=2, not_using_sa=3, unused_sa=4)
    seen = msgspec.structs.replace(world.installer.state(), receive=(channel,), in_no_tag=7, in_no_sci=8)
    world.installer.seen = seen
    (link,) = world.secured.links()
    assert (link.rx_ok, link.rx_bad) == (50, 10)
    told = world.secured.interface()
    assert (told.rx_plain, told.rx_stranger) == (7, 8)


def test_whoever_speaks_in_clear_is_told_unless_it_is_about_to_be_secured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    for _ in range(15):
        world.frames.came.append(frozenset({MAC}))
        world.secured.listen()
        world.now += 1.0
    assert [one.refused for one in world.secured.unsecured()] == [True]
    monkeypatch.setattr(world.secured.service, "beaconing", lambda: (eui64(MAC),))
    assert [one.refused for one in world.secured.unsecured()] == [False]


def test_where_nobody_can_listen_the_links_are_secured_all_the_same_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()

    def refuse(_name: str) -> Any:
        raise NotPermittedError("listening for frames in clear on e1", "run the agent with CAP_NET_RAW", 1)

    world.secured._open = refuse
    world.secured.listen()
    world.secured.listen()
    assert len([record for record in caplog.records if "not noticed" in record.getMessage()]) == 1
    assert world.secured.unsecured() == ()
