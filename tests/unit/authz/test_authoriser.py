# SPDX-License-Identifier: Apache-2.0
"""Rules of the one who is asked: the revoked have no rights, all is counted, what is open is cut in time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.authz.authoriser import Authoriser
from agent.authz.decision import Decision
from agent.authz.errors import AuthzError
from agent.authz.standing import by_revocations
from agent.authz.steady import Steady
from agent.authz.subject import PIN, READER, SELF, Subject, member, parse
from agent.authz.tally import COUNTED_MAX, OTHER, REFUSED_MAX
from agent.authz.watching import WATCHED_MAX
from agent.configpolicy import Rule
from agent.identity.grace import Standing
from agent.identity.revoked import Entry, Kind, Revoked, serial_value

KEY, ISSUER = b"\x01" * 32, b"\x02" * 32
HILL = Subject(
    "member", "spiffe://valley.mesh/node/hill-roof", "hill-roof", ("router",), "valid", KEY, ISSUER, 77
)
LAKE = Subject("member", "spiffe://valley.mesh/node/lake", "lake", (), "valid", b"\x03" * 32, ISSUER, 78)
DENY_METRICS = Rule("no-metrics", "deny", ("reader",), ("page.read",), ("/metrics",))


def entries(*rows: tuple[Kind, str]) -> dict[tuple[Kind, str], Entry]:
    return {row: Entry(*row, 1, "stolen") for row in rows}


class Lists:
    """Revocations that come and go."""

    def __init__(self) -> None:
        self.now = Revoked()
        self.authoriser = Authoriser(standing=by_revocations(lambda: self.now), wall=lambda: 1000.0)

    def revoke(self, *rows: tuple[Kind, str], by_root: bool = False) -> None:
        found = entries(*rows)
        self.now = Revoked(found, found if by_root else {})


@pytest.mark.parametrize(
    ("kind", "value", "root"),
    [
        (Kind.NODE, "hill-roof", False),
        (Kind.KEY, KEY.hex(), False),
        (Kind.SERIAL, serial_value(ISSUER, 77), False),
        (Kind.KEY, ISSUER.hex(), True),
    ],
)
def test_the_revoked_have_no_rights_whatever_the_rules_say(kind: Kind, value: str, root: bool) -> None:
    lists = Lists()
    assert lists.authoriser.decide(HILL, "link.secure", "link")
    lists.revoke((kind, value), by_root=root)
    decision = lists.authoriser.decide(HILL, "link.secure", "link")
    assert not decision
    assert decision.source == "standing"
    assert "revoked (stolen)" in decision.sentence


def test_revoking_one_node_leaves_the_others_theirs() -> None:
    lists = Lists()
    lists.revoke((Kind.NODE, "hill-roof"), (Kind.KEY, KEY.hex()), (Kind.SERIAL, serial_value(ISSUER, 77)))
    assert lists.authoriser.decide(LAKE, "link.secure", "link")
    assert lists.authoriser.decide(READER, "page.read", "/")


def test_an_issuer_is_out_only_by_a_root() -> None:
    lists = Lists()
    lists.revoke((Kind.KEY, ISSUER.hex()))
    assert lists.authoriser.decide(HILL, "link.secure", "link")


def test_what_a_revoked_node_has_open_is_cut_and_nothing_else() -> None:
    lists = Lists()
    cut: list[str] = []
    for subject in (HILL, LAKE):
        decision = lists.authoriser.decide(subject, "link.secure", "link")
        lists.authoriser.watch(decision, lambda now: cut.append(now.subject.node))
    assert lists.authoriser.changed() == 0
    lists.revoke((Kind.NODE, "hill-roof"))
    assert lists.authoriser.changed() == 1
    assert cut == ["hill-roof"]
    assert (lists.authoriser.open, lists.authoriser.cut) == (1, 1)
    assert lists.authoriser.changed() == 0, "it is cut once"


def test_what_other_rules_forbid_is_cut_and_a_mistaken_rule_gives_nothing_back() -> None:
    authoriser = Authoriser()
    cut: list[Decision] = []
    authoriser.watch(authoriser.decide(READER, "page.read", "/metrics"), cut.append)
    authoriser.watch(authoriser.decide(READER, "page.read", "/"), cut.append)
    assert authoriser.reload([DENY_METRICS]) == 1
    assert [one.label for one in cut] == ["policy/no-metrics"]
    authoriser.reload([])
    assert authoriser.open == 1


def test_a_condition_on_the_address_holds_for_what_is_open() -> None:
    authoriser = Authoriser()
    cut: list[Decision] = []
    asked = (READER, "page.read", "/metrics")
    for address in ("203.0.113.5", "10.0.0.1"):
        authoriser.watch(authoriser.decide(*asked, address), cut.append, address)
    deny = msgspec.structs.replace(DENY_METRICS, networks=("203.0.113.0/24",))
    assert authoriser.reload([deny]) == 1


def test_what_has_ended_by_itself_is_not_cut() -> None:
    authoriser = Authoriser()
    cut: list[Decision] = []
    watch = authoriser.watch(authoriser.decide(READER, "page.read", "/metrics"), cut.append)
    watch.close()
    watch.close()
    assert authoriser.reload([DENY_METRICS]) == 0
    assert not cut


def test_a_cut_that_fails_or_ends_another_leaves_the_rest_to_be_cut() -> None:
    authoriser = Authoriser()
    cut: list[str] = []
    asked = authoriser.decide(READER, "page.read", "/metrics")

    def fails(_now: Decision) -> None:
        raise OSError("gone")

    def ends_the_last(_now: Decision) -> None:
        cut.append("second")
        last.close()

    authoriser.watch(asked, fails)
    authoriser.watch(asked, ends_the_last)
    last = authoriser.watch(asked, lambda _now: cut.append("last"))
    authoriser.watch(asked, lambda _now: cut.append("fourth"))
    assert authoriser.reload([DENY_METRICS]) == 3
    assert cut == ["second", "fourth"]


def test_nothing_can_be_opened_on_a_refusal_nor_unwatched() -> None:
    authoriser = Authoriser()
    with pytest.raises(ValueError, match="refusal"):
        authoriser.watch(authoriser.decide(READER, "page.act", "reboot"), lambda _now: None)
    decision = authoriser.decide(READER, "page.read", "/")
    for _ in range(WATCHED_MAX):
        authoriser.watch(decision, lambda _now: None)
    with pytest.raises(AuthzError, match="open already"):
        authoriser.watch(decision, lambda _now: None)


def test_who_judges_its_own_open_things_is_told_of_each_change() -> None:
    told: list[str] = []
    authoriser = Authoriser()
    authoriser.on_change(lambda: told.append("changed"))
    authoriser.reload([DENY_METRICS])
    authoriser.revise(by_revocations(Revoked))
    assert told == ["changed", "changed"]


def test_decisions_are_counted_by_action_kind_verdict_and_rule() -> None:
    authoriser = Authoriser([DENY_METRICS])
    for _ in range(3):
        authoriser.decide(READER, "page.read", "/metrics")
    authoriser.decide(PIN, "page.read", "/metrics")
    authoriser.look(PIN, "page.read", "/metrics")
    series = {tuple(value for _, value in key): count for key, count in authoriser.tally.series().items()}
    assert series == {
        ("page.read", "reader", "deny", "policy/no-metrics"): 3,
        ("page.read", "pin", "allow", "built-in/page-is-open"): 1,
    }


def test_refusals_are_remembered_once_each_and_the_newest_stay() -> None:
    walls = iter(range(10_000))
    authoriser = Authoriser(wall=lambda: float(next(walls)))
    for number in range(REFUSED_MAX + 5):
        for _ in range(2):
            authoriser.decide(READER, "page.act", f"a{number}")
    found = authoriser.tally.refusals()
    assert len(found) == REFUSED_MAX
    assert found[0].decision.resource == f"a{REFUSED_MAX + 4}"
    assert {one.count for one in found} == {2}


def test_strangers_cannot_make_the_counters_grow_without_end() -> None:
    authoriser = Authoriser()
    for number in range(COUNTED_MAX + 100):
        authoriser.decide(Subject(f"k{number}"), "page.read", "/")
    series = authoriser.tally.series()
    assert len(series) <= COUNTED_MAX + 1
    assert sum(count or 0 for count in series.values()) == COUNTED_MAX + 100
    assert any(dict(key)["rule"] == OTHER for key in series)


def test_who_asks_on_every_tick_is_counted_when_the_answer_is_another() -> None:
    authoriser = Authoriser()
    steady = Steady(authoriser)
    for _ in range(100):
        assert steady.ask(SELF, "mesh.act", "hasten-ogms")
    authoriser.reload([Rule("calm", "deny", ("self",), ("mesh.act",), ("*",))])
    for _ in range(100):
        assert not steady.ask(SELF, "mesh.act", "hasten-ogms")
    assert list(authoriser.tally.series().values()) == [1, 1]


def test_refusals_alone_are_counted_where_the_act_itself_is() -> None:
    authoriser = Authoriser()
    steady = Steady(authoriser, all_changes=False)
    steady.ask(SELF, "mesh.act", "hasten-ogms")
    steady.ask(SELF, "remedy.act", "mesh/expel")
    assert [dict(key)["verdict"] for key in authoriser.tally.series()] == ["deny"]


class Proof:
    """As identity.svid.Verified."""

    def __init__(self, standing: Standing) -> None:
        self.id: Any = "spiffe://valley.mesh/node/hill-roof"
        self.node, self.roles, self.standing = "hill-roof", ("router",), standing
        self.serial, self.key_id, self.issuer_key_id = 77, KEY, ISSUER


@pytest.mark.parametrize("standing", [Standing.VALID, Standing.GRACE, Standing.DEFERRED])
def test_a_checked_chain_makes_a_member_with_all_it_proved(standing: Standing) -> None:
    made = member(Proof(standing))
    assert made == msgspec.structs.replace(HILL, life=str(standing))


@pytest.mark.parametrize(
    ("text", "roles", "shown"),
    [
        ("reader", [], "reader"),
        ("member", [], "member"),
        ("role:gateway", [], "role:gateway"),
        ("spiffe://valley.mesh/node/lake", ["router"], "spiffe://valley.mesh/node/lake, role:router"),
    ],
)
def test_a_person_can_name_every_subject(text: str, roles: list[str], shown: str) -> None:
    assert str(parse(text, roles)) == shown


@pytest.mark.parametrize(
    ("text", "roles", "mend"),
    [
        ("reder", [], "did you mean reader"),
        ("", [], "name one of"),
        ("spiffe://valley.mesh", [], "spiffe://MESH/node/NAME"),
        ("spiffe://valley.mesh/node/hill-*", [], "spiffe://MESH/node/NAME"),
        ("role:Über", [], "a-z"),
        ("reader", ["router"], "only a node of the mesh has roles"),
        ("spiffe://valley.mesh/node/" + "a" * 300, [], "spiffe://MESH/node/NAME"),
    ],
)
def test_who_is_nobody_is_said_with_the_mend(text: str, roles: list[str], mend: str) -> None:
    with pytest.raises(AuthzError) as caught:
        parse(text, roles)
    assert mend in str(caught.value)
