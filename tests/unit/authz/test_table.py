# SPDX-License-Identifier: Apache-2.0
"""Rules of the table: default deny, deny before allow, and what a pattern matches."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest

from agent.authz.authoriser import Authoriser
from agent.authz.builtin import BUILT_IN
from agent.authz.subject import HINT, PIN, READER, ROOT, SELF, Subject
from agent.authz.table import Table
from agent.configpolicy import Rule
from agent.policyterms import ACTIONS

HILL = Subject("member", "spiffe://valley.mesh/node/hill-roof", "hill-roof", ("router", "gateway"))
LAKE = Subject("member", "spiffe://valley.mesh/node/lake", "lake")


def rule(
    effect: str = "allow", who: str = "reader", what: str = "page.read", on: str = "*", **more: Any
) -> Rule:
    raw = {
        "name": more.pop("name", "r"), "effect": effect, "subjects": who.split(), "actions": what.split(),
        "resources": on.split(), **more,
    }  # fmt: skip
    return msgspec.convert(raw, Rule)


def table(*rules: Rule) -> Table:
    return Table([(one, "policy") for one in rules])


def test_what_no_rule_allows_is_refused_and_says_so() -> None:
    decision = table().decide(READER, "page.read", "/")
    assert not decision
    assert decision.label == "none"
    assert "no rule allows it" in decision.sentence


def test_an_action_nobody_knows_is_refused() -> None:
    assert not table(rule(who="*", what="*")).decide(SELF, "page.reed", "/")


def test_a_kind_nobody_knows_is_refused() -> None:
    assert not table(rule(who="*", what="*")).decide(Subject("stranger"), "page.read", "/")


def test_deny_wins_over_allow_in_every_order() -> None:
    rules = [
        rule("allow", name="a"),
        rule("deny", on="/metrics", name="b", why="outsiders"),
        rule("allow", on="/metrics", name="c"),
    ]
    for order in itertools.permutations(rules):
        decision = table(*order).decide(READER, "page.read", "/metrics")
        assert not decision
        assert (decision.rule, decision.source) == ("b", "policy")
        assert "b denies it (outsiders)" in decision.sentence
        assert table(*order).decide(READER, "page.read", "/")


def test_the_order_of_rules_never_decides() -> None:
    rules = [
        rule("allow", "*", "page.*", name="a"),
        rule("deny", "reader", "page.read", "/m*", name="b"),
        rule("allow", "pin", "page.read", "/m*", name="c"),
        rule("deny", "role:gateway", "link.secure", name="d"),
        rule("allow", "member", "link.secure", name="e"),
    ]
    asked = [
        (who, action, on)
        for who in (READER, PIN, ROOT, HILL, LAKE)
        for action in ("page.read", "page.act", "link.secure")
        for on in ("/", "/metrics", "e1")
    ]
    first = [bool(table(*rules).decide(*one)) for one in asked]
    for order in itertools.permutations(rules):
        assert [bool(table(*order).decide(*one)) for one in asked] == first


@pytest.mark.parametrize(
    ("who", "subject", "yes"),
    [
        ("*", READER, True),
        ("reader", READER, True),
        ("reader", PIN, False),
        ("member", HILL, True),
        ("member", READER, False),
        ("role:router", HILL, True),
        ("role:router", LAKE, False),
        ("role:router", Subject("reader", roles=("router",)), False),
        ("spiffe://valley.mesh/node/hill-roof", HILL, True),
        ("spiffe://valley.mesh/node/hill", HILL, False),
        ("spiffe://valley.mesh/node/hill-*", HILL, True),
        ("spiffe://valley.mesh/node/hill-*", LAKE, False),
        ("spiffe://other.mesh/node/hill-roof", HILL, False),
        ("spiffe://valley.mesh/node/*", Subject("hint", "spiffe://valley.mesh/node/lake"), False),
    ],
)
def test_subjects(who: str, subject: Subject, yes: bool) -> None:
    action = "link.secure" if subject.kind == "member" else "page.read"
    assert bool(table(rule(who=who, what="*")).decide(subject, action, "link")) is yes


@pytest.mark.parametrize(
    ("on", "resource", "yes"),
    [
        ("*", "", True),
        ("/api/*", "/api/v1/status", True),
        ("/api/*", "/api", False),
        ("/metrics", "/metrics2", False),
        ("* !/metrics", "/metrics", False),
        ("* !/metrics", "/", True),
        ("/api/* !/api/v1/*", "/api/v1/status", False),
        ("x0/{node}/*", "x0/hill-roof/faults", True),
        ("x0/{node}/*", "x0/hill/faults", False),
        ("x0/{node}/*", "x0/lake/faults", False),
        ("x0/{node}", "x0/hill-roof", True),
        ("x0/* !x0/{node}/*", "x0/hill-roof/faults", False),
        ("x0/* !x0/{node}/*", "x0/lake/faults", True),
    ],
)
def test_resources(on: str, resource: str, yes: bool) -> None:
    assert bool(table(rule(who="*", what="*", on=on)).decide(HILL, "link.secure", resource)) is yes


def test_what_is_named_after_who_asks_is_nothing_for_who_has_no_name() -> None:
    made = table(rule(who="*", what="*", on="x0/{node}/*"))
    for resource in ("x0//a", "x0/{node}/a", "x0/", "x0/\0/a"[:4]):
        assert not made.decide(HINT, "hint.take", resource)


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.77.0.9", True),
        ("::ffff:10.77.0.9", True),
        ("10.78.0.9", False),
        ("fd77::1", True),
        ("fe80::1%eth0", False),
    ],
)
def test_networks(effect: str, address: str, inside: bool) -> None:
    made = table(rule(effect, networks=["10.77.0.0/16", "fd77::/48"]))
    decision = made.decide(READER, "page.read", "/", address)
    assert (decision.rule == "r") is inside
    assert decision.allowed is (inside and effect == "allow")


@pytest.mark.parametrize(
    ("address", "denied"),
    [
        ("192.0.2.9", False),
        ("::ffff:192.0.2.9", False),
        ("192.0.3.9", True),
        ("2001:db8::1", True),
        ("", True),
    ],
)
def test_all_but_one_network(address: str, denied: bool) -> None:
    outside = ["0.0.0.0/0", "::/0", "!192.0.2.0/24"]
    made = table(rule("allow", name="a"), rule("deny", on="/metrics", networks=outside))
    assert bool(made.decide(READER, "page.read", "/metrics", address)) is not denied


@pytest.mark.parametrize("address", ["", "nonsense", "10.77.0.9.1", "\0"])
def test_an_address_that_cannot_be_judged_is_denied_and_not_allowed(address: str) -> None:
    allowing = table(rule("allow", networks=["10.77.0.0/16"]))
    denying = table(rule("allow", name="a"), rule("deny", networks=["10.77.0.0/16"]))
    assert not allowing.decide(READER, "page.read", "/", address)
    assert not denying.decide(READER, "page.read", "/", address)


@pytest.mark.parametrize(("life", "valid"), [("valid", True), ("grace", False), ("deferred", False)])
def test_an_svid_in_its_grace_or_not_judged_yet_is_not_a_valid_one(life: Any, valid: bool) -> None:
    subject = Subject("member", HILL.id, HILL.node, life=life)
    fresh = table(rule(who="member", what="link.secure", svid="valid"))
    lapsed = table(rule(who="member", what="link.secure", svid="lapsed"))
    assert bool(fresh.decide(subject, "link.secure", "link")) is valid
    assert bool(lapsed.decide(subject, "link.secure", "link")) is not valid


def test_rules_that_do_not_speak_say_why() -> None:
    made = table(
        rule(who="pin", name="a"),
        rule(on="/metrics", name="b"),
        rule("deny", networks=["10.0.0.0/8"], name="c"),
        rule(name="d"),
    )
    passed = {one.rule: one.why for one in made.passed(READER, "page.read", "/", "192.0.2.1")}
    assert passed == {
        "policy/a": "is for pin",
        "policy/b": "is about /metrics",
        "policy/c": "is for clients from 10.0.0.0/8, this is 192.0.2.1",
    }


def test_the_built_in_table_allows_and_never_denies() -> None:
    """So a rule of the configuration has the last word in both directions."""
    assert {one.effect for one in BUILT_IN} == {"allow"}
    assert len({one.name for one in BUILT_IN}) == len(BUILT_IN)


def test_every_rule_of_the_built_in_table_is_for_who_can_ask() -> None:
    made = Table((one, "built-in") for one in BUILT_IN)
    for ready in made.rules:
        for action in (name for name in ACTIONS if name in ready.rule.actions):
            assert set(ready.rule.subjects) <= ACTIONS[action].askers, ready.label


def test_a_rule_is_not_looked_at_for_what_its_subjects_never_ask() -> None:
    made = table(rule(who="pin", what="*", name="a"), rule(who="spiffe://m/node/x", what="*", name="b"))
    assert [one.rule for one in made.passed(HINT, "hint.take", "report/one-way")] == []
    assert [one.rule for one in made.passed(READER, "page.read", "/")] == ["policy/a"]
    assert [one.rule for one in made.passed(HILL, "link.secure", "link")] == ["policy/b"]


def test_a_decision_costs_microseconds() -> None:
    """Measured by `make bench PART=authz`; here only that it is not a hundred times that."""
    authoriser = Authoriser([rule("deny", "reader", "page.read", f"/{n}/*", name=f"r{n}") for n in range(64)])
    began = time.process_time()
    for _ in range(1000):
        authoriser.decide(READER, "page.read", "/metrics", "192.0.2.1")
    assert time.process_time() - began < 0.5


def test_asking_loads_nothing_heavy() -> None:
    code = (
        "import sys; from agent.authz import commands, links, standing; "
        "from agent.authz.authoriser import Authoriser; Authoriser(); "
        "print(sorted({'yaml', 'cryptography', 'OpenSSL', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
