# SPDX-License-Identifier: Apache-2.0
"""Checks of `policy`: patterns, and rules that could never match, which is a mistake someone relies on."""

from __future__ import annotations

import importlib.util
import ipaddress
import pkgutil

from agent.configpolicy import Policy, Rule
from agent.configwalk import Walk
from agent.policyterms import (
    ACTIONS,
    NODE,
    REACHES,
    PatternError,
    actions_of,
    check_resource,
    matches,
    near,
    subject_kinds,
)

SHOWN = 60  # characters of a wrong value that are shown


def check(policy: Policy, walk: Walk) -> None:
    """Report all that does not fit."""
    first: dict[str, str] = {}
    for index, rule in enumerate(policy.rules):
        key = walk.item("policy.rules", index)
        if rule.name in first:
            found = f"{rule.name} a second time (first as {first[rule.name]})"
            walk.problem(f"{key}.name", found, "each name once", "give one of them another name")
        first.setdefault(rule.name, key)
        _rule(rule, key, walk)


def _rule(rule: Rule, key: str, walk: Walk) -> None:
    whole = True
    for name in ("subjects", "actions", "resources"):
        if f"{key}.{name}" in walk.bad or any(bad.startswith(f"{key}.{name}[") for bad in walk.bad):
            whole = False
        elif not getattr(rule, name):
            walk.problem(f"{key}.{name}", "an empty list", "at least one entry", "write * for all of them")
            whole = False
    kinds, actions = _who(rule, key, walk), _what(rule, key, walk)
    fitting = [_resources(rule, key, walk), _networks(rule, key, walk), whole]  # each says its own mistakes
    if kinds is None or actions is None or not all(fitting):
        return
    asked = [name for name in actions if ACTIONS[name].askers & kinds]
    if not asked:
        who = ", ".join(sorted(frozenset().union(*(ACTIONS[name].askers for name in actions))))
        mend = f"these actions are asked for by {who} only"
        walk.problem(f"{key}.subjects", ", ".join(rule.subjects)[:SHOWN], "who can ask for them", mend)
        return
    _reachable(rule, key, asked, walk)
    if rule.networks and not all(ACTIONS[name].addressed for name in asked):
        other = next(name for name in asked if not ACTIONS[name].addressed)
        mend = "delete networks, or keep the actions page.*"
        walk.problem(f"{key}.networks", f"networks with {other}", "only with actions of the page", mend)
    if rule.svid != "any" and "member" not in kinds:
        mend = "delete svid: who is meant shows no SVID"
        walk.problem(f"{key}.svid", rule.svid, "only for nodes of the mesh", mend)


def _who(rule: Rule, key: str, walk: Walk) -> frozenset[str] | None:
    """The kinds it is for, None where one pattern is wrong."""
    kinds: set[str] = set()
    good = True
    for index, text in enumerate(rule.subjects):
        try:
            kinds |= subject_kinds(text)
        except PatternError as error:
            place = walk.item(f"{key}.subjects", index)
            walk.problem(place, _shown(text), error.allowed, error.mend)
            good = False
    return frozenset(kinds) if good else None


def _what(rule: Rule, key: str, walk: Walk) -> list[str] | None:
    """The actions it is about, None where one pattern is wrong."""
    actions: dict[str, None] = {}
    good = True
    for index, text in enumerate(rule.actions):
        try:
            actions |= dict.fromkeys(actions_of(text))
        except PatternError as error:
            place = walk.item(f"{key}.actions", index)
            walk.problem(place, _shown(text), error.allowed, error.mend)
            good = False
    return list(actions) if good else None


def _resources(rule: Rule, key: str, walk: Walk) -> bool:
    good = True
    for index, text in enumerate(rule.resources):
        try:
            check_resource(text)
        except PatternError as error:
            place = walk.item(f"{key}.resources", index)
            walk.problem(place, _shown(text), error.allowed, error.mend)
            good = False
    if good and rule.resources and all(text.startswith("!") for text in rule.resources):
        walk.problem(
            f"{key}.resources",
            "only what is left out",
            "something to leave it out of",
            'add "*" to leave these out of everything',
        )
        return False
    return good


def _reachable(rule: Rule, key: str, actions: list[str], walk: Walk) -> None:
    """A pattern nothing can match protects nobody."""
    known = [one for name in actions for one in _known(name)]
    if any(not _known(name) for name in actions):
        return  # of one of them any resource may come
    for index, text in enumerate(rule.resources):
        bare = text.removeprefix("!")
        if NODE not in bare and not any(matches(bare, one) for one in known):
            place = walk.item(f"{key}.resources", index)
            allowed = f"what {', '.join(actions)} can be asked for: {', '.join(known)}"
            walk.problem(place, _shown(text), allowed, near(bare, known, "write one of them"))


def _known(action: str) -> tuple[str, ...]:
    """All resources of an action; () where they are not known beforehand."""
    if action != "remedy.act":
        return ACTIONS[action].known
    return tuple(f"{reach}/{name}" for name in remedies() for reach in REACHES)


def remedies() -> tuple[str, ...]:
    """Ids of the remedies: their files' names, so that none has to be imported for a check."""
    spec = importlib.util.find_spec("agent.remedies")
    folders = spec.submodule_search_locations if spec else None
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(folders)))


def _networks(rule: Rule, key: str, walk: Walk) -> bool:
    good = True
    for index, text in enumerate(rule.networks):
        try:
            ipaddress.ip_network(text.removeprefix("!"))
        except ValueError:
            mend = "write ADDRESS/PREFIX without host bits, e.g. 10.77.0.0/16 or fd77::/48"
            place = walk.item(f"{key}.networks", index)
            walk.problem(place, _shown(text), "an IPv4 or IPv6 network", mend)
            good = False
    if good and rule.networks and all(text.startswith("!") for text in rule.networks):
        found, allowed = "only what is left out", "something to leave it out of"
        walk.problem(f"{key}.networks", found, allowed, 'add "0.0.0.0/0" and "::/0" for everywhere')
        return False
    return good


def _shown(text: str) -> str:
    cut = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return cut if cut.isprintable() and " " not in cut else ascii(cut)
