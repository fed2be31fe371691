# SPDX-License-Identifier: Apache-2.0
"""svid-expired: this node's certificate is over, or a neighbour's; and when the clock is at fault instead."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.faults import clock_wrong, securityview
from agent.faults.base import State
from agent.faults.svid_expired import FAULT
from agent.hello.peers import eui64
from agent.identity.moment import Moment
from agent.linksec.errors import LinksecError
from agent.linksec.history import TEXT_MAX
from agent.linksec.trust import verifier
from tests.unit.faults.hand import N1, NOW, about, diagnosis
from tests.unit.faults.machine import GOOD, host
from tests.unit.faults.securehand import (
    DAY,
    LINK,
    P1,
    WALL,
    failure,
    identity,
    link,
    other,
    secured,
    sight,
)
from tests.unit.identity.mesh import NOW as MESH_NOW
from tests.unit.identity.mesh import mesh
from tests.unit.linksec.test_trust import meet, trust

SAYS = "the SVID is not over, or in the grace of a mesh without an issuer, but: ended 3 days ago"
OVER, EARLY = (
    f"not-over: {SAYS}",
    "not-early: the SVID has begun, by our clock if it is trusted, but: in 9 years",
)
OWN = identity(not_before=WALL - 16 * DAY, not_after=WALL - 2 * DAY, left=-2 * DAY)
SELF = "host/identity"


def refused(text: str = OVER, **changes: Any) -> Any:
    return secured(links=(other(),), failures=(failure("certificate", text=text, **changes),))


def test_our_own_that_is_over_needs_a_person() -> None:
    seen = sight(secured(identity=OWN))
    (found,) = FAULT.symptoms(seen)
    assert (found.subject, found.onset) == (SELF, NOW - 2 * DAY)
    assert "this node's own (spiffe://tal/node/n2) ended 2 days ago" in FAULT.sentence(found)
    assert FAULT.ladder(diagnosis(found), seen) == ()
    assert FAULT.state(diagnosis(found), seen) is State.PRESENT
    assert FAULT.state(diagnosis(found), sight()) is State.GONE


def test_a_time_floor_that_shows_the_end_counts_without_a_trusted_clock() -> None:
    own = identity(not_after=WALL - 2 * DAY, left=-2 * DAY, time_trusted=False)
    assert [one.subject for one in FAULT.symptoms(sight(secured(identity=own)))] == [SELF]


@pytest.mark.parametrize("own", [identity(), identity(left=1.0), identity(left=None, not_after=None)])
def test_one_that_is_not_over_or_not_there_is_no_symptom(own: Any) -> None:
    assert not FAULT.symptoms(sight(secured(identity=own)))


def test_a_neighbour_that_was_one_and_was_cut_for_it_is_missed() -> None:
    (found,) = FAULT.symptoms(sight(refused()))
    assert found.subject == LINK
    assert found.evidence == {"certificate": f"that of {P1} on e1", "proved": "it was a neighbour before"}
    assert FAULT.state(diagnosis(found), sight(refused())) is State.PRESENT


def test_a_strangers_may_be_anybodys_and_nothing_hangs_on_it() -> None:
    seen = sight(refused(peer="fe80::99", mac=""))
    (found,) = FAULT.symptoms(seen)
    assert found.subject == "hardif/e1/fe80::99"
    assert FAULT.state(diagnosis(found), seen) is State.CONTAINED


def test_an_address_of_a_known_neighbour_is_told_by_its_mac() -> None:
    (found,) = FAULT.symptoms(sight(refused(peer=eui64(N1), mac="")))
    assert found.subject == LINK


@pytest.mark.parametrize(
    "found",
    [
        refused(age=121.0),
        refused(EARLY),
        refused(f"trust-domain: of this mesh, but: of other; {OVER}"),
        refused("it sent its own certificate alone, of an issuer not known here"),
        secured(failures=(failure("certificate", text=OVER),)),
        secured(failures=(failure("tls", text=OVER),), links=()),
    ],
    ids=["long ago", "not begun", "of another mesh", "no rule named", "it is back", "another reason"],
)
def test_what_is_past_or_something_else_is_not(found: Any) -> None:
    assert not FAULT.symptoms(sight(found))
    assert FAULT.state(about("svid-expired", LINK), sight(found)) is State.GONE


def test_many_strangers_are_few_symptoms() -> None:
    rows = tuple(failure("certificate", text=OVER, peer=f"fe80::{n}", mac="") for n in range(1, 60))
    assert len(FAULT.symptoms(sight(secured(failures=rows)))) == 8


# the clock at fault

AHEAD = secured(
    identity=identity(not_after=WALL - 3000 * DAY, left=-3000 * DAY),
    links=(),
    failures=(
        failure("certificate", text=OVER),
        failure("certificate", text=OVER, peer="fe80::3", hardif="e3"),
    ),
)
BEHIND = secured(identity=identity(not_before=WALL + 3000 * DAY, left=4000 * DAY), links=())


@pytest.mark.parametrize(
    ("found", "words"), [(AHEAD, "ended 8 years ago"), (BEHIND, "begins only in 8 years")]
)
def test_a_clock_years_away_is_the_clocks_fault_and_no_certificates(found: Any, words: str) -> None:
    seen = sight(found, host=host())
    assert not FAULT.symptoms(seen)
    (it,) = clock_wrong.FAULT.symptoms(seen)
    assert it.subject == "host/clock"
    assert words in clock_wrong.FAULT.sentence(it)
    assert clock_wrong.FAULT.state(diagnosis(it), seen) is State.PRESENT
    assert clock_wrong.FAULT.state(diagnosis(it), sight(host=host())) is State.GONE


def test_a_time_service_is_asked_again_where_certificates_contradict_the_clock() -> None:
    seen = sight(BEHIND, host=host(clock=msgspec.structs.replace(GOOD, service="ntpd.service")))
    (it,) = clock_wrong.FAULT.symptoms(seen)
    assert [rung.action for rung in clock_wrong.FAULT.ladder(diagnosis(it), seen)] == [
        "restart-time-service"
    ] * 2


@pytest.mark.parametrize(
    "found",
    [
        secured(identity=identity(not_before=WALL + 200, left=9 * DAY)),
        secured(identity=identity(not_before=WALL + 3000 * DAY, left=4000 * DAY, time_trusted=False)),
        secured(
            identity=identity(not_after=WALL - 60 * DAY, left=-60 * DAY), links=(), failures=AHEAD.failures
        ),
        secured(identity=identity(not_after=WALL - 3000 * DAY, left=-3000 * DAY), links=()),
        secured(
            identity=identity(not_after=WALL - 3000 * DAY, left=-3000 * DAY),
            links=(link(),),
            failures=AHEAD.failures,
        ),
        secured(links=(), failures=AHEAD.failures),
    ],
    ids=[
        "a skew of minutes", "a clock that is not believed", "a node that was away", "nobody else says so",
        "a neighbour is well", "only the neighbours' are over",
    ],
)  # fmt: skip
def test_certificates_that_say_nothing_against_the_clock(found: Any) -> None:
    assert not clock_wrong.FAULT.symptoms(sight(found, host=host()))


@pytest.mark.parametrize(
    ("years", "rules"),
    [
        (1, {"not-over"}),
        (-10, {"not-early", "issuer-in-time"}),
        (30, {"not-over", "issuer-in-time", "under-a-root"}),
    ],
)
@pytest.mark.parametrize("handshake", [True, False], ids=["in a handshake", "at a recheck"])
def test_what_a_real_refusal_says_is_understood(years: int, rules: set[str], handshake: bool) -> None:
    """The words are identity's and the handshake's own, cut as they are kept."""
    judged_by = trust(mesh(), moment=Moment(MESH_NOW + years * 365.25 * DAY))
    judge = verifier(lambda: judged_by)
    with pytest.raises(LinksecError) as caught:
        meet(mesh(), judged_by) if handshake else judge(tuple(mesh().chain))
    text = str(caught.value)[:TEXT_MAX]
    assert securityview.broken(text) <= rules
    assert securityview.broken(text) & {"not-over", "not-early"}
    assert securityview.untimely(failure("certificate", text=text))
