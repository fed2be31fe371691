# SPDX-License-Identifier: Apache-2.0
"""renew-link and rekey-link: what they refuse and do, and the way from the worker to the event loop."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from agent.effects import links as effects
from agent.effects.links import LoopLinks, NoLinks
from agent.events import Remedy
from agent.remedies.base import ActionError, Effector
from agent.remedies.rekey_link import ACTION as REKEY
from agent.remedies.renew_link import ACTION as RENEW
from tests.unit.faults.hand import N1, NOW
from tests.unit.faults.securehand import LINK, interface, other, secured, sight

RENEWS = Remedy("renew-link", LINK, {"hardif": "e1", "neighbour": N1})
REKEYS = Remedy("rekey-link", "hardif/e1", {"hardif": "e1"})


class Secured:
    """An effector's part that remembers."""

    def __init__(self) -> None:
        self.did: list[tuple[str, ...]] = []
        self.secured: Any = self

    def renew(self, hardif: str, mac: str) -> None:
        self.did.append(("renew", hardif, mac))

    def rekey(self, hardif: str) -> None:
        self.did.append(("rekey", hardif))


def test_each_asks_for_what_it_says_and_leaves_nothing_to_put_back() -> None:
    made = Secured()
    for action, remedy in ((RENEW, RENEWS), (REKEY, REKEYS)):
        assert action.undo_record(remedy, cast(Effector, made)) is None
        action.act(remedy, cast(Effector, made))
    assert made.did == [("renew", "e1", N1), ("rekey", "e1")]


def test_a_link_that_is_there_may_be_made_anew_and_another_may_not() -> None:
    assert RENEW.refusal(RENEWS, sight()) == ""
    assert "no secured link" in RENEW.refusal(RENEWS, sight(secured(links=(other(),))))
    assert "no secured link" in RENEW.refusal(RENEWS, sight(security=None))


def test_a_key_that_is_in_use_may_be_changed_and_none_may_not() -> None:
    assert REKEY.refusal(REKEYS, sight()) == ""
    assert "no key" in REKEY.refusal(REKEYS, sight(secured(interfaces=(interface(key_age=None),))))
    assert "no key" in REKEY.refusal(REKEYS, sight(security=None))


@pytest.mark.parametrize(("action", "remedy"), [(RENEW, RENEWS), (REKEY, REKEYS)])
def test_a_later_try_waits_for_its_time(action: Any, remedy: Remedy) -> None:
    later = Remedy(remedy.action, remedy.subject, remedy.args | {"not_before": str(NOW + 30)})
    assert "due in 30 s" in action.refusal(later, sight())


async def test_it_is_done_in_the_event_loop_while_the_worker_waits() -> None:
    ran: list[object] = []

    def restart(hardif: str, mac: str) -> bool:
        ran.append((hardif, mac, asyncio.get_running_loop()))
        return True

    loop = asyncio.get_running_loop()
    links = LoopLinks(loop, restart, lambda _hardif: False)
    await asyncio.to_thread(links.renew, "e1", N1)
    assert ran == [("e1", N1, loop)]
    with pytest.raises(ActionError, match="none is in use"):
        await asyncio.to_thread(links.rekey, "e1")


async def test_a_link_that_went_meanwhile_is_an_error_with_the_mend() -> None:
    links = LoopLinks(asyncio.get_running_loop(), lambda _hardif, _mac: False, lambda _hardif: True)
    with pytest.raises(ActionError, match="x0 links"):
        await asyncio.to_thread(links.renew, "e1", N1)


def test_a_loop_that_does_not_come_to_it_is_waited_for_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(effects, "WAIT_S", 0.01)
    loop = asyncio.new_event_loop()  # it never runs
    links = LoopLinks(loop, lambda _hardif, _mac: True, lambda _hardif: True)
    with pytest.raises(ActionError, match="did not come to it"):
        links.rekey("e1")
    loop.run_until_complete(asyncio.sleep(0))  # what was asked for is cancelled, not left pending
    loop.close()


def test_without_an_agent_nothing_can_be_done_and_it_is_said() -> None:
    with pytest.raises(ActionError, match="no agent runs"):
        NoLinks().renew("e1", N1)
    with pytest.raises(ActionError, match="no agent runs"):
        NoLinks().rekey("e1")
