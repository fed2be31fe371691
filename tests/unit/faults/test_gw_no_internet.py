# SPDX-License-Identifier: Apache-2.0
"""gw-no-internet: a gateway beyond which nobody answers, or names are not resolved."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.faults.base import State, View
from agent.faults.gw_no_internet import FAULT
from agent.readings import Uplink, UplinkProbe
from tests.unit.faults.hand import NOW, about, diagnosis, mesh, snapshot, view

WELL: dict[str, Any] = {"unanswered": 0, "failing_age": 0.0, "passing_age": 100.0, "detail": "answers"}
DEAD: dict[str, Any] = {
    "unanswered": 20,
    "failing_age": 20.0,
    "passing_age": 0.0,
    "detail": "no answer in time",
}


def probe(kind: str, target: str = "192.0.2.1", **changes: Any) -> UplinkProbe:
    base = UplinkProbe(kind, target, True, True, **WELL)  # type: ignore[arg-type]
    return msgspec.structs.replace(base, **changes)


def gateway(*probes: UplinkProbe, mode: str = "server", **changes: Any) -> View:
    base = view(snapshot(mesh=mesh(gw_mode=mode), uplink=Uplink("wan0", probes)))
    return msgspec.structs.replace(base, **changes)


def test_no_ping_answered_is_no_internet_and_said_so() -> None:
    (found,) = FAULT.symptoms(gateway(probe("icmp", **DEAD), probe("dns", **DEAD)))
    assert (found.subject, found.onset) == ("gateway/self", NOW - 20)
    said = FAULT.sentence(found)
    assert "does not reach the Internet through wan0" in said
    assert "no answer to ping from 192.0.2.1 for 20 s (no answer in time)" in said
    assert "no name server answers" in said


def test_names_alone_are_a_fault_of_their_own_and_say_that_the_rest_answers() -> None:
    (found,) = FAULT.symptoms(gateway(probe("icmp"), probe("dns", "192.0.2.53", **DEAD)))
    assert "does not get names resolved" in FAULT.sentence(found)
    assert "internet" not in found.evidence
    assert found.evidence["still answers"] == "192.0.2.1"


def test_ping_alone_is_one_too() -> None:
    (found,) = FAULT.symptoms(gateway(probe("icmp", **DEAD), probe("dns", "192.0.2.53")))
    assert set(found.evidence) == {"internet", "still answers", "uplink"}


@pytest.mark.parametrize(
    "probes",
    [
        (),
        (probe("icmp"), probe("dns")),
        (probe("icmp", **DEAD), probe("icmp", "192.0.2.2")),
        (probe("icmp", **{**DEAD, "failing_age": 14.0}),),
        (probe("icmp", **{**DEAD, "unanswered": 4}),),
        (probe("icmp", **DEAD, ever_answered=False, configured=False),),
        (probe("icmp", **DEAD, ever_answered=False),),
    ],
    ids=["none", "well", "one of two", "briefly", "few", "found and never answered", "never, too early"],
)
def test_what_is_no_sure_sign_is_no_symptom(probes: tuple[UplinkProbe, ...]) -> None:
    assert FAULT.symptoms(gateway(*probes)) == ()
    assert FAULT.suspicions(gateway(*probes)) == ()


def test_what_a_person_named_and_never_answered_counts_after_a_minute() -> None:
    old = {**DEAD, "failing_age": 61.0, "ever_answered": False}
    assert FAULT.symptoms(gateway(probe("icmp", **old)))
    assert not FAULT.symptoms(gateway(probe("icmp", **old, configured=False)))


def test_without_a_reading_nothing_is_said() -> None:
    assert FAULT.symptoms(view()) == ()


def test_it_withdraws_and_nothing_else() -> None:
    seen = gateway(probe("icmp", **DEAD))
    (rung,) = FAULT.ladder(diagnosis(FAULT.symptoms(seen)[0]), seen)
    assert (rung.action, rung.subject, rung.args) == ("withdraw-gateway", "gateway/self", {"mesh": "bat0"})


def test_announced_it_is_present_withdrawn_contained() -> None:
    told = about("gw-no-internet", "gateway/self")
    assert FAULT.state(told, gateway(probe("icmp", **DEAD))) is State.PRESENT
    assert FAULT.state(told, gateway(probe("icmp", **DEAD), mode="off")) is State.CONTAINED
    unread = {"mesh": mesh(gw_mode="off"), "uplink": None}
    assert FAULT.state(told, view(snapshot(**unread))) is State.CONTAINED
    assert FAULT.state(told, view(snapshot(mesh=mesh(gw_mode="server"), uplink=None))) is State.PRESENT


@pytest.mark.parametrize(("relapses", "wait"), [(0, 30.0), (1, 60.0), (3, 240.0), (60, 600.0)])
def test_withdrawn_it_is_announced_again_when_all_answer_for_long_enough(relapses: int, wait: float) -> None:
    told = about("gw-no-internet", "gateway/self")

    def state(icmp: float, dns: float) -> State:
        probes = (probe("icmp", passing_age=icmp), probe("dns", passing_age=dns))
        return FAULT.state(told, gateway(*probes, mode="off", relapses={"gateway/self": relapses}))

    assert state(wait, wait) is State.GONE
    assert state(wait, wait - 1) is State.CONTAINED
    assert state(0.0, wait) is State.CONTAINED


def test_where_nothing_was_withdrawn_a_few_answers_end_it() -> None:
    told = about("gw-no-internet", "gateway/self")
    assert FAULT.state(told, gateway(probe("icmp", passing_age=5.0))) is State.GONE
    assert FAULT.state(told, gateway(probe("icmp", passing_age=4.0))) is State.PRESENT
