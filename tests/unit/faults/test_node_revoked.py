# SPDX-License-Identifier: Apache-2.0
"""node-revoked: the mesh has expelled this node, or an expelled one wants in."""

from __future__ import annotations

from agent.faults.base import State
from agent.faults.node_revoked import FAULT
from tests.unit.faults.hand import NOW, about, diagnosis
from tests.unit.faults.securehand import LINK, P1, failure, identity, secured, sight

OUT = secured(identity=identity(revoked="node n2 is revoked (stolen)"))
TRIES = secured(failures=(failure("revoked", count=7, first_age=200.0, text="not-revoked: ... node n1"),))


def test_a_node_that_was_expelled_says_so_itself() -> None:
    (found,) = FAULT.symptoms(sight(OUT))
    assert found.subject == "host/identity"
    assert "expelled this node: node n2 is revoked (stolen)" in FAULT.sentence(found)
    assert FAULT.ladder(diagnosis(found), sight(OUT)) == ()
    assert FAULT.state(diagnosis(found), sight(OUT)) is State.PRESENT
    assert FAULT.state(diagnosis(found), sight()) is State.GONE


def test_an_expelled_one_that_wants_in_is_named_and_nothing_hangs_on_it() -> None:
    (found,) = FAULT.symptoms(sight(TRIES))
    assert (found.subject, found.onset) == (LINK, NOW - 200)
    assert P1 in FAULT.sentence(found)
    assert FAULT.ladder(diagnosis(found), sight(TRIES)) == ()
    assert FAULT.state(diagnosis(found), sight(TRIES)) is State.CONTAINED


def test_one_that_has_stopped_trying_is_gone() -> None:
    quiet = secured(failures=(failure("revoked", age=121.0),))
    assert not FAULT.symptoms(sight(quiet))
    assert FAULT.state(about("node-revoked", LINK), sight(quiet)) is State.GONE


def test_other_refusals_are_not() -> None:
    assert not FAULT.symptoms(sight(secured(failures=(failure("policy"), failure("certificate")))))
    assert not FAULT.symptoms(sight(security=None))
    assert FAULT.state(about("node-revoked", LINK), sight(security=None)) is State.GONE
