# SPDX-License-Identifier: Apache-2.0
"""required lets nothing pass in clear; preferred never falls back for whoever was seen secured."""

from __future__ import annotations

import itertools

import pytest

from agent.linksec import policy
from agent.linksec.policy import LinkPolicy, Verdict

MAC = "02:00:00:00:00:02"
ANNA = "spiffe://tal/node/anna"
LATER = policy.PATIENCE + 1


@pytest.mark.parametrize(
    ("mode", "up", "beacon", "known_for", "verdict"),
    [
        ("required", True, True, 1.0, Verdict.SECURED),
        ("required", False, True, LATER, Verdict.WAIT),
        ("required", False, False, 1.0, Verdict.WAIT),
        ("required", False, False, LATER, Verdict.REFUSED),
        ("preferred", True, True, 1.0, Verdict.SECURED),
        ("preferred", False, True, LATER, Verdict.WAIT),
        ("preferred", False, False, 1.0, Verdict.WAIT),
        ("preferred", False, False, LATER, Verdict.PLAIN),
        ("off", False, True, 1.0, Verdict.PLAIN),
    ],
)
def test_each_mode(mode: policy.Mode, up: bool, beacon: bool, known_for: float, verdict: Verdict) -> None:
    assert LinkPolicy(mode).judge(MAC, up=up, beacon=beacon, known_for=known_for) is verdict


def test_required_never_says_plain() -> None:
    found = LinkPolicy("required")
    for up, beacon, known_for in itertools.product((True, False), (True, False), (0.0, LATER, 1e9)):
        assert found.judge(MAC, up=up, beacon=beacon, known_for=known_for) is not Verdict.PLAIN


def test_preferred_never_falls_back_for_a_neighbour_once_seen_secured_even_after_a_restart() -> None:
    first = LinkPolicy("preferred")
    assert first.secured(ANNA, MAC.upper())
    assert not first.secured(ANNA, MAC)
    second = LinkPolicy("preferred", first.seen_secured())
    for beacon, known_for in itertools.product((True, False), (0.0, LATER, 1e9)):
        verdict = second.judge(MAC, up=False, beacon=beacon, known_for=known_for)
        assert verdict in {Verdict.WAIT, Verdict.REFUSED}
    second.forget(ANNA)
    assert second.judge(MAC, up=False, beacon=False, known_for=LATER) is Verdict.PLAIN


def address(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def test_what_is_remembered_is_bounded_and_the_node_longest_unseen_goes() -> None:
    found = LinkPolicy("preferred")
    for number in range(policy.MAX_SEEN + 5):
        found.secured(f"spiffe://tal/node/n{number}", address(number))
    kept = found.seen_secured()
    assert len(kept) == policy.MAX_SEEN
    assert kept[0] == ("spiffe://tal/node/n5", address(5))


def test_a_member_that_shows_ever_new_addresses_makes_us_forget_nobody_else() -> None:
    found = LinkPolicy("preferred")
    found.secured(ANNA, MAC)
    for number in range(policy.MAX_SEEN * 2):
        found.secured("spiffe://tal/node/mallory", address(number + 100))
    assert found.judge(MAC, up=False, beacon=False, known_for=LATER) is Verdict.REFUSED
    assert len(found.seen_secured()) == 1 + policy.MAX_ADDRESSES
    assert found.judge(address(100), up=False, beacon=False, known_for=LATER) is Verdict.PLAIN
