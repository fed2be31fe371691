# SPDX-License-Identifier: Apache-2.0
"""The words of the policy: who may ask, what may be asked, and the patterns a rule is written in.

The table itself is agent/authz/. Apart from it, as the check of a configuration needs the words alone.
A new action is one line here; whoever asks about it calls `Authoriser.decide`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

TEXT_MAX: Final = (
    255  # bytes of a subject, an action or a resource; SPIFFE allows IDs of 2,048, ours have 140
)
ANYTHING: Final = "*"
ROLE: Final = "role:"
SPIFFE: Final = "spiffe://"
NODE: Final = "{node}"  # in a resource: the name of the node that asks

SUBJECTS: Final = {
    "root": "root, by the control socket",
    "own": "the agent's own user, by the control socket",
    "group": "a member of the agent's group, by the control socket",
    "pin": "a person on the status page who signed in with the device PIN",
    "reader": "anybody who reaches the status page",
    "self": "this node: its loop, and what works beside it",
    "hint": "what a neighbour says and nothing proves",
    "member": "a node that proved by its SVID that it is of this mesh",
}
"""The kinds of those who ask."""

LOCAL: Final = frozenset({"root", "own", "group"})
PAGE: Final = frozenset({"pin", "reader"})
MEMBER: Final = frozenset({"member"})


class Term(NamedTuple):
    """An action: what it is, who can ask for it at all, what its resource is and, where they are few, all."""

    what: str
    askers: frozenset[str]
    resource: str
    known: tuple[str, ...] = ()
    addressed: bool = False  # is the client's address known when it is asked


ACTIONS: Final = {
    "control.call": Term(
        "a command of x0 that asks the running agent",
        LOCAL,
        "the command",
        ("status", "faults", "explain", "pause", "resume", "policy", "policy-why"),
    ),
    "page.read": Term(
        "a page, the API, the stream of events, the metrics",
        PAGE,
        "the path",
        ("/", "/fragment", "/api/v1/status", "/api/v1/events", "/metrics", "/healthz"),
        addressed=True,
    ),
    "page.read-private": Term(
        "positions, keys, and who asked for actions, in the page and the status",
        PAGE,
        "the document",
        ("status",),
        addressed=True,
    ),
    "page.sign-in": Term(
        "having a device PIN looked at", frozenset({"reader"}), "session", ("session",), addressed=True
    ),
    "page.act": Term(
        "an action of the status page",
        frozenset({"pin"}),
        "the action",
        ("pause", "resume", "link-test", "restart-agent", "support-bundle", "reboot"),
        addressed=True,
    ),
    "page.download": Term(
        "a file an action made", frozenset({"pin"}), "the file's kind", ("support-bundle",), addressed=True
    ),
    "remedy.act": Term(
        "a remedy, before it is chosen and again before it is begun",
        frozenset({"self"}),
        "REACH/REMEDY: how far it reaches (node, neighbours, mesh) and what it is called",
    ),
    "mesh.act": Term(
        "what the node does to the mesh beside its remedies; of a hint: what a neighbour's word makes it do",
        frozenset({"self", "hint"}),
        "what is done",
        ("hasten-ogms", "share-gateways", "second-neighbour", "measure-link"),
    ),
    "hint.take": Term(
        "listening to a neighbour's word: looking sooner, asking by echo, weighing it beside what is seen",
        frozenset({"hint"}),
        "the word",
        (
            "report/link-dead",
            "report/one-way",
            "report/node-dead",
            "hello/new",
            "hello/suspects-us",
            "hello/hears-us",
            "hello/intent",
        ),
    ),
    "link.secure": Term(
        "being a neighbour: a secured link, and our keys; asked in each handshake and at each recheck",
        MEMBER,
        "link",
        ("link",),
    ),
}
"""What is asked about today, each at one place of the code (docs/policy.md)."""

REACHES: Final = ("node", "neighbours", "mesh")  # events.Scope, for the resources of remedy.act

_ACTION = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\Z")
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")  # as agent/identity/spiffe.py
_SPIFFE = re.compile(r"spiffe://[a-z0-9][a-z0-9.-]*/node/([a-z0-9-]*\*|[a-z0-9][a-z0-9-]*)\Z")
_RESOURCE = re.compile(r"[!-)+-~]*\*?\Z")  # visible ASCII; a * at the end alone


class PatternError(ValueError):
    """A pattern that is none: what is allowed, and how to mend it."""

    def __init__(self, allowed: str, mend: str) -> None:
        super().__init__(f"allowed is {allowed}. Mend: {mend}")
        self.allowed, self.mend = allowed, mend


def subject_kinds(text: str) -> frozenset[str]:
    """The kinds of those a subject's pattern can match. PatternError."""
    if text == ANYTHING:
        return frozenset(SUBJECTS)
    if text in SUBJECTS:
        return frozenset({text})
    if text.startswith(ROLE) and _ROLE.match(text.removeprefix(ROLE)):
        return MEMBER
    if text.startswith(SPIFFE) and len(text) <= TEXT_MAX and _SPIFFE.match(text):
        return MEMBER
    raise PatternError(
        f"{', '.join(SUBJECTS)}, role:NAME, spiffe://MESH/node/NAME (or its beginning and *), or *",
        near(text, [*SUBJECTS], "write who it is for, e.g. reader, or spiffe://valley.mesh/node/hill-*"),
    )


def actions_of(text: str) -> tuple[str, ...]:
    """The actions a pattern stands for. PatternError."""
    if text == ANYTHING:
        return tuple(ACTIONS)
    if text in ACTIONS:
        return (text,)
    if text.endswith(".*"):
        found = tuple(name for name in ACTIONS if name.startswith(text[:-1]))
        if found:
            return found
    groups = sorted({name.partition(".")[0] + ".*" for name in ACTIONS})
    raise PatternError(
        f"{', '.join(ACTIONS)}, {', '.join(groups)}, or *",
        near(text, [*ACTIONS, *groups], "write one of them"),
    )


def check_resource(text: str) -> None:
    """PatternError where a resource's pattern is none."""
    bare = text.removeprefix("!")
    allowed = "visible ASCII with * at its end alone, ! before it to leave it out, {node} for who asks"
    if not bare or len(text) > TEXT_MAX:
        raise PatternError(allowed, "write the resource itself, or its beginning and *")
    if not _RESOURCE.match(bare):
        raise PatternError(allowed, "write the beginning and *, e.g. /api/*; more than one * is not known")
    rest = bare.replace(NODE, "")
    if "{" in rest or "}" in rest:
        raise PatternError(allowed, "the only word in braces is {node}")
    parts = bare.split("/")  # hill must not pass for hill-roof
    if any(NODE in part and part != NODE for part in parts):
        raise PatternError(allowed, "write {node} between slashes or at the end: x0/{node}/*")


def matches(pattern: str, resource: str) -> bool:
    """Does a resource's pattern (without ! and {node}) match?"""
    if pattern.endswith("*"):
        return resource.startswith(pattern[:-1])
    return resource == pattern


def near(text: str, known: list[str], otherwise: str) -> str:
    """What was probably meant."""
    import difflib  # late: only for a mistake

    close = difflib.get_close_matches(text[:TEXT_MAX], known, 1, 0.6)
    return f"did you mean {close[0]}?" if close else otherwise
