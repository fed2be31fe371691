# SPDX-License-Identifier: Apache-2.0
"""The table: rules made ready for quick look-ups, and their evaluation. Pure.

Deny wins over allow, whatever the order, and nothing is allowed that no rule allows. So rules of several
origins can be joined without asking which comes first, and no rule can be made void by one before it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from agent.authz.decision import Decision, Passed, Source
from agent.authz.subject import Subject
from agent.configpolicy import Rule
from agent.policyterms import ACTIONS, ANYTHING, NODE, ROLE, SPIFFE, SUBJECTS, actions_of, subject_kinds

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Client = ipaddress.IPv4Address | ipaddress.IPv6Address | None  # None: none that could be judged
NOBODY: Final = "\0"  # in no resource: stands for {node} where who asks has no name


class Ready:
    """One rule, its patterns taken apart. `matches` is asked most."""

    __slots__ = (
        "_beyond", "_exact", "_ids", "_kinds", "_named", "_networks", "_out", "_roles", "_starts", "_svid",
        "_under", "label", "rule", "source",
    )  # fmt: skip

    def __init__(self, rule: Rule, source: Source) -> None:
        self.rule, self.source = rule, source
        self.label = f"{source}/{rule.name}"
        who = rule.subjects
        kinds = {text for text in who if text in SUBJECTS}
        self._kinds = frozenset(SUBJECTS if ANYTHING in who else kinds)
        self._roles = frozenset(text.removeprefix(ROLE) for text in who if text.startswith(ROLE))
        ids = [text for text in who if text.startswith(SPIFFE)]
        self._ids = frozenset(text for text in ids if not text.endswith("*"))
        self._under = tuple(text[:-1] for text in ids if text.endswith("*"))
        wanted = [text for text in rule.resources if not text.startswith("!")]
        fixed = [text for text in wanted if NODE not in text]
        self._named = tuple(text for text in wanted if NODE in text)
        self._exact, self._starts = _patterns(fixed)
        self._out = [text.removeprefix("!") for text in rule.resources if text.startswith("!")]
        self._networks = tuple(_network(text) for text in rule.networks if not text.startswith("!"))
        self._beyond = tuple(_network(text[1:]) for text in rule.networks if text.startswith("!"))
        self._svid = rule.svid

    def matches(self, subject: Subject, resource: str, client: _Client) -> bool:
        """Does it speak about this?"""
        return (
            self._concerns(subject)
            and self._covers(subject, resource)
            and (not self._networks or self._within(client))
            and (self._svid == "any" or self._lives(subject))
        )

    def mismatch(self, subject: Subject, resource: str, client: _Client) -> str:
        """Why it does not, "" where it does."""
        if not self._concerns(subject):
            return f"is for {', '.join(self.rule.subjects)}"
        if not self._covers(subject, resource):
            return f"is about {', '.join(self.rule.resources)}"
        if self._networks and not self._within(client):
            return f"is for clients from {', '.join(self.rule.networks)}, this is {client or 'none'}"
        if self._svid != "any" and not self._lives(subject):
            return f"is for SVIDs that are {self._svid}"
        return ""

    def _concerns(self, subject: Subject) -> bool:
        if subject.kind in self._kinds:
            return True
        if subject.kind != "member":
            return False
        return (
            subject.id in self._ids
            or not self._roles.isdisjoint(subject.roles)
            or bool(self._under and subject.id.startswith(self._under))
        )

    def _covers(self, subject: Subject, resource: str) -> bool:
        found = resource in self._exact or bool(self._starts and resource.startswith(self._starts))
        if not found and self._named:
            found = any(_hit(_filled(text, subject), resource) for text in self._named)
        return found and not any(_hit(_filled(text, subject), resource) for text in self._out)

    @property
    def addressed(self) -> bool:
        """Does it depend on where the client is?"""
        return bool(self._networks)

    def _within(self, client: _Client) -> bool:
        """An address that cannot be judged is within what is denied, and not within what is allowed."""
        if client is None:
            return self.rule.effect == "deny"
        inside = any(client in network for network in self._networks)
        return inside and not any(client in network for network in self._beyond)

    def _lives(self, subject: Subject) -> bool:
        return (subject.life == "valid") == (self._svid == "valid")


class Table:
    """Rules by action. `rules`: each with where it comes from."""

    def __init__(self, rules: Iterable[tuple[Rule, Source]]) -> None:
        self.rules = tuple(Ready(rule, source) for rule, source in rules)
        denying: dict[str, list[Ready]] = {name: [] for name in ACTIONS}
        allowing: dict[str, list[Ready]] = {name: [] for name in ACTIONS}
        for ready in self.rules:
            to = denying if ready.rule.effect == "deny" else allowing
            kinds = frozenset[str]().union(*map(subject_kinds, ready.rule.subjects))
            for name in dict.fromkeys(name for text in ready.rule.actions for name in actions_of(text)):
                if kinds & ACTIONS[name].askers:  # others never ask: not looked at each time
                    to[name].append(ready)
        self._ordered = {name: (*denying[name], *allowing[name]) for name in ACTIONS}
        self._addressed = {
            name for name, found in self._ordered.items() if any(one.addressed for one in found)
        }

    def decide(self, subject: Subject, action: str, resource: str, address: str = "") -> Decision:
        """Deny before allow; refused where nothing speaks. An action nobody knows is refused, too."""
        client = _client(address) if action in self._addressed else None
        for ready in self._ordered.get(action, ()):
            if ready.matches(subject, resource, client):
                rule = ready.rule
                allowed = rule.effect == "allow"
                return Decision(allowed, subject, action, resource, ready.source, rule.name, rule.why)
        return Decision(False, subject, action, resource, "none")

    def passed(self, subject: Subject, action: str, resource: str, address: str = "") -> tuple[Passed, ...]:
        """The rules on this action that do not speak here, each with the reason."""
        client = _client(address)
        return tuple(
            Passed(ready.label, ready.rule.effect, why)
            for ready in self._ordered.get(action, ())
            if (why := ready.mismatch(subject, resource, client))
        )


def _patterns(texts: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """(whole resources, beginnings)."""
    texts = tuple(texts)
    exact = frozenset(text for text in texts if not text.endswith("*"))
    return exact, tuple(text[:-1] for text in texts if text.endswith("*"))


def _filled(pattern: str, subject: Subject) -> str:
    return pattern.replace(NODE, subject.node or NOBODY) if NODE in pattern else pattern


def _hit(pattern: str, resource: str) -> bool:
    return resource.startswith(pattern[:-1]) if pattern.endswith("*") else resource == pattern


def _network(text: str) -> _Network:
    return ipaddress.ip_network(text)


def _client(address: str) -> _Client:
    """Without zone, mapped ones as IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
