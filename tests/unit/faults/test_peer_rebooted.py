# SPDX-License-Identifier: Apache-2.0
"""peer-rebooted: a neighbour began anew, its old channel is lost, and no new one stands."""

from __future__ import annotations

from typing import Any

import pytest

from agent.faults.base import State
from agent.faults.peer_rebooted import FAULT, OVERDUE_S
from agent.securityreadings import SecuredLink
from tests.unit.faults.hand import N1, NOW, about, diagnosis, mesh
from tests.unit.faults.securehand import LINK, link, other, secured, sight

GONE = link(held=True, restarted_age=OVERDUE_S + 2)


def of(*links: SecuredLink, **changes: Any) -> Any:
    return sight(secured(links=(*links, other())), **changes)


def test_a_neighbour_that_is_not_back_seconds_after_its_restart_is_said() -> None:
    (found,) = FAULT.symptoms(of(GONE))
    assert (found.subject, found.onset) == (LINK, NOW - OVERDUE_S - 2)
    assert "n1 on e1 began anew" in FAULT.sentence(found)
    (rung,) = FAULT.ladder(diagnosis(found), of(GONE))
    assert (rung.action, rung.args) == ("renew-link", {"hardif": "e1", "neighbour": N1})


@pytest.mark.parametrize(
    "found",
    [
        link(),
        link(restarted_age=60.0),
        link(held=True),
        link(held=True, restarted_age=OVERDUE_S - 1),
    ],
    ids=["well", "a forged beacon", "its agent is away", "on its way back"],
)
def test_what_mends_itself_or_may_be_forged_is_no_symptom(found: SecuredLink) -> None:
    assert not FAULT.symptoms(of(found))


def test_a_restart_is_suspected_at_once() -> None:
    (found,) = FAULT.suspicions(of(link(held=True, restarted_age=0.1)))
    assert found.subject == LINK
    assert not FAULT.suspicions(of(link(restarted_age=0.1)))


@pytest.mark.parametrize(
    ("links", "changes", "state"),
    [
        ((GONE,), {}, State.PRESENT),
        ((link(),), {}, State.GONE),
        ((link(state="none"),), {}, State.PRESENT),
        ((), {}, State.PRESENT),
        ((), {"mesh": mesh(neighbours=())}, State.GONE),
        ((link(),), {"security": None}, State.GONE),
    ],
    ids=["as before", "back", "not up yet", "given up, not back", "forgotten", "no security any more"],
)
def test_it_is_gone_once_a_channel_stands_or_nobody_misses_it(
    links: tuple[SecuredLink, ...], changes: dict[str, Any], state: State
) -> None:
    assert FAULT.state(about("peer-rebooted", LINK), of(*links, **changes)) is state
