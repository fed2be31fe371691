# SPDX-License-Identifier: Apache-2.0
"""Rules of what the node does to the mesh beside its loop, and of whose words it listens to."""

from __future__ import annotations

from agent.authz.authoriser import Authoriser
from agent.configpolicy import Rule
from agent.hello.peers import News
from agent.hello.service import Change
from agent.nodepolicy import NodePolicy
from tests.unit.test_nodehearing import Scene


def deny(who: str, what: str, on: str) -> Authoriser:
    return Authoriser([Rule("no", "deny", (who,), (what,), (on,))])


def test_what_is_closed_is_not_asked_about() -> None:
    authoriser = Authoriser()
    may = NodePolicy(authoriser).may("share-gateways", lambda: "paused")
    assert may() == "paused"
    assert not authoriser.tally.series()


def test_a_denied_act_says_by_which_rule_and_one_that_is_allowed_again_is_done() -> None:
    authoriser = deny("self", "mesh.act", "measure-link")
    may = NodePolicy(authoriser).may("measure-link", lambda: "")
    assert "the rule of the policy no denies it" in may()
    authoriser.reload([])
    assert may() == ""


def test_haste_on_a_neighbours_word_can_be_denied_and_our_own_stays() -> None:
    hastened: list[tuple[str, bool]] = []

    def hasten(why: str, *, foreign: bool = False) -> bool:
        hastened.append((why, foreign))
        return True

    ask = NodePolicy(deny("hint", "mesh.act", "hasten-ogms")).hastening(hasten)
    assert not ask("n2 reports link-dead", foreign=True)
    assert ask("e1 does not answer")
    assert hastened == [("e1 does not answer", False)]


def test_a_word_that_is_not_listened_to_wakes_nobody() -> None:
    scene = Scene(takes=NodePolicy(deny("hint", "hint.take", "hello/suspects-us")).takes)
    scene.hearing.heard(Change(News.SUSPECTS_US.value, "n2", "e1", "m"))
    assert scene.woken == 0
    scene.hearing.heard(Change(News.HEARS_US.value, "n2", "e1", "m"))
    assert scene.woken == 1


def test_a_neighbour_that_is_gone_is_our_own_sight() -> None:
    scene = Scene(takes=NodePolicy(deny("hint", "hint.take", "*")).takes)
    scene.hearing.heard(Change(News.GONE.value, "n2", "e1", "m"))
    assert scene.woken == 1
