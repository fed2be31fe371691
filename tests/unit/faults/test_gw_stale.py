# SPDX-License-Identifier: Apache-2.0
"""gw-stale: the selected gateway is dead and batman-adv keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.faults.base import State, View
from agent.faults.gatewayview import silent_after, worth, would_choose_living
from agent.faults.gw_stale import FAULT
from agent.readings import Gateway, Mesh, Originator
from tests.unit.faults.hand import N1, N3, NOW, O1, O3, about, diagnosis, mesh, snapshot, view

TOLD = about("gw-stale", f"gateway/{O1}")


def client(
    quiet: float | None = 9.0,
    *,
    other: float | None = 0.1,
    best: str = O1,
    mode: str = "client",
    down: tuple[int, int] = (10_000, 5_000),
    **changes: Any,
) -> Mesh:
    """A client of O1, which is unheard for so long; O3 is the other gateway. None: not in the table."""
    ages = {O1: (N1, "e1", quiet), O3: (N3, "e3", other)}
    rows = tuple(Originator(o, n, h, age, 100_000) for o, (n, h, age) in ages.items() if age is not None)
    gateways = tuple(
        Gateway(o, ages[o][0], kbit, 1_000, o == best and mode == "client", 100_000)
        for o, kbit in zip((O1, O3), down, strict=True)
    )
    return mesh(**{"originators": rows, "gateways": gateways, "gw_mode": mode, **changes})


def seen(found: Mesh | None) -> View:
    return view(snapshot(mesh=found))


def test_a_selected_gateway_unheard_for_eight_seconds_is_dead() -> None:
    (found,) = FAULT.symptoms(seen(client()))
    assert (found.subject, found.onset) == (f"gateway/{O1}", NOW - 9.0)
    said = FAULT.sentence(found)
    assert O1 in said
    assert "no originator message on any way for 9 s" in said
    assert "1 other gateway heard" in said


@pytest.mark.parametrize(
    "found",
    [
        None,
        client(7.9),
        client(None),
        client(best=O3),
        client(best=""),
        client(mode="off"),
        client(mode="server"),
        client(ogm_interval_ms=2_000),
        client(gateways=()),
    ],
    ids=["unread", "early", "not in the table", "other one selected", "none selected", "off", "server",
         "slow OGMs", "no gateway"],
)  # fmt: skip
def test_what_is_no_sure_sign_is_no_symptom(found: Mesh | None) -> None:
    assert FAULT.symptoms(seen(found)) == ()


def test_another_way_by_which_it_is_heard_counts() -> None:
    rows = (Originator(O1, N1, "e1", 9.0), Originator(O1, N3, "e3", 0.2))
    assert FAULT.symptoms(seen(client(originators=rows))) == ()


@pytest.mark.parametrize(("quiet", "suspected"), [(2.0, False), (3.5, True), (29.0, True), (31.0, False)])
def test_a_late_gateway_is_suspected_for_a_while(quiet: float, suspected: bool) -> None:
    assert bool(FAULT.suspicions(seen(client(quiet)))) is suspected


def test_it_is_left() -> None:
    view_ = seen(client())
    (rung,) = FAULT.ladder(diagnosis(FAULT.symptoms(view_)[0]), view_)
    assert rung.action == "leave-gateway"
    assert rung.args == {"mesh": "bat0", "gateway": O1}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (client(), State.PRESENT),
        (client(0.1), State.GONE),
        (client(best=O3), State.GONE),
        (client(mode="off"), State.CONTAINED),
        (client(0.1, mode="off"), State.GONE),
        (client(mode="off", gateways=()), State.GONE),
        (client(mode="off", down=(5_000, 10_000)), State.GONE),
        (client(mode="off", down=(10_000, 10_000)), State.CONTAINED),
        (client(mode="off", down=(5_000, 10_000), other=9.0), State.CONTAINED),
        (client(mode="server"), State.GONE),
        (None, State.PRESENT),
    ],
    ids=["held on to", "heard again", "other one chosen", "left", "left and heard again", "forgotten",
         "a better one lives", "an equal one lives", "the better one is dead, too", "a server now", "unread"],
)  # fmt: skip
def test_states(found: Mesh | None, state: State) -> None:
    assert FAULT.state(TOLD, seen(found)) is state


def test_the_kernel_compares_the_announced_within_the_way() -> None:
    assert worth(Gateway(O1, N1, 10_000, 1_000, throughput_kbit=6_000)) == 6_000
    assert worth(Gateway(O1, N1, 10_000, 1_000)) == 10_000
    assert not would_choose_living(client(gateways=()))
    assert silent_after(client()) == 8.0
