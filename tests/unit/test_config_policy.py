# SPDX-License-Identifier: Apache-2.0
"""Each mistake in `policy` is found at its line and key, with the mend. A rule that never matches is one."""

from __future__ import annotations

import time

import pytest

from agent import remedies
from agent.config import ConfigError, Problem
from agent.configfile import load_text
from agent.configpolicy import RULES_MAX
from agent.configpolicychecks import remedies as files

HEAD = "node: {name: n1}\nmesh: {enabled: false}\npolicy:\n  rules:\n"
GOOD = {"name": "r", "effect": "deny", "subjects": "[reader]", "actions": "[page.read]"}


def text(**changes: str) -> str:
    """One rule, a key a line: name 5, effect 6, subjects 7, actions 8, then what is added."""
    keys = {**GOOD, **changes}
    lines = [f"{key}: {value}" for key, value in keys.items() if value != "-"]
    return HEAD + "    - " + "\n      ".join(lines) + "\n"


def problems(source: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_text(source)
    return caught.value.problems


# (text, line, key after policy.rules[0]., a word of the mend)
MISTAKES: dict[str, tuple[str, int, str, str]] = {
    "no name": (text(name="-"), 5, "name", "add the line name"),
    "a name with capitals": (text(name="Metrics"), 5, "name", "short name"),
    "a name that is long": (text(name="a" * 41), 5, "name", "short name"),
    "no effect": (text(effect="-"), 5, "effect", "add the line effect"),
    "an effect that is none": (text(effect="denny"), 6, "effect", "write deny"),
    "subjects that are no list": (text(subjects="reader"), 7, "subjects", "write [reader]"),
    "no subjects in the list": (text(subjects="[]"), 7, "subjects", "write *"),
    "a subject misspelt": (text(subjects="[reder]"), 7, "subjects[0]", "did you mean reader"),
    "the second subject misspelt": (text(subjects="[pin, roo]"), 7, "subjects[1]", "did you mean root"),
    "a role without a name": (text(subjects='["role:"]'), 7, "subjects[0]", ""),
    "a role in capitals": (text(subjects='["role:Gateway"]'), 7, "subjects[0]", ""),
    "an ID of the mesh itself": (text(subjects="[spiffe://valley.mesh]"), 7, "subjects[0]", "spiffe://"),
    "an ID with a * in the middle": (text(subjects="[spiffe://valley.mesh/node/h*l]"), 7, "subjects[0]", ""),
    "an ID with a * for the mesh": (text(subjects="[spiffe://*/node/hill]"), 7, "subjects[0]", "spiffe://"),
    "an ID with capitals": (text(subjects="[spiffe://valley.mesh/node/Hill]"), 7, "subjects[0]", ""),
    "an action misspelt": (text(actions="[page.reed]"), 8, "actions[0]", "did you mean page.read"),
    "a group misspelt": (text(actions='["pages.*"]'), 8, "actions[0]", "did you mean page.*"),
    "a part of an action": (text(actions='["page.re*"]'), 8, "actions[0]", "did you mean page.*"),
    "seventeen actions": (text(actions=f"[{', '.join(['page.read'] * 17)}]"), 8, "actions", "delete"),
    "who never asks for it": (text(subjects="[reader]", actions="[page.act]"), 7, "subjects", "by pin only"),
    "a node that never asks": (text(subjects="[role:router]"), 7, "subjects", "pin, reader"),
    "a resource there is not": (text(resources="[/metrcs]"), 9, "resources[0]", "did you mean /metrics"),
    "a beginning of nothing": (text(resources='["/", "/v2/*"]'), 9, "resources[1]", "write one of them"),
    "a resource left out, misspelt": (text(resources='["*", "!/metrcs"]'), 9, "resources[1]", "metrics"),
    "a * in the middle": (text(resources="[/api/*/status]"), 9, "resources[0]", "more than one *"),
    "a blank in a resource": (text(resources='["/a b"]'), 9, "resources[0]", "beginning"),
    "a control character in a resource": (text(resources='["/\\x01"]'), 9, "resources[0]", "beginning"),
    "other words in braces": (text(resources='["x/{name}"]'), 9, "resources[0]", "{node}"),
    "a node's name inside a word": (text(resources='["x/{node}*"]'), 9, "resources[0]", "between slashes"),
    "only a !": (text(resources='["!"]'), 9, "resources[0]", "write the resource"),
    "only what is left out": (text(resources='["!/metrics"]'), 9, "resources", 'add "*"'),
    "an empty list of resources": (text(resources="[]"), 9, "resources", "write *"),
    "a remedy misspelt": (
        text(subjects="[self]", actions="[remedy.act]", resources="[neighbours/detach-hardi]"),
        9,
        "resources[0]",
        "did you mean neighbours/detach-hardif",
    ),
    "a reach misspelt": (
        text(subjects="[self]", actions="[remedy.act]", resources='["neighbour/*"]'),
        9,
        "resources[0]",
        "",
    ),
    "a network that is none": (text(networks="[10.0.0.0/33]"), 9, "networks[0]", "ADDRESS/PREFIX"),
    "a network with host bits": (text(networks="[10.0.0.1/8]"), 9, "networks[0]", "without host bits"),
    "only networks left out": (text(networks='["!10.0.0.0/8"]'), 9, "networks", '"::/0"'),
    "a network left out that is none": (text(networks='["::/0", "!10"]'), 9, "networks[1]", "ADDRESS/PREFIX"),
    "networks of a command": (
        text(subjects="[root]", actions="[control.call]", networks="[10.0.0.0/8]"),
        9,
        "networks",
        "delete networks",
    ),
    "an SVID of a reader": (text(svid="valid"), 9, "svid", "delete svid"),
    "an SVID's state that is none": (text(svid="good"), 9, "svid", "one of"),
    "an unknown key": (text(when="now"), 9, "when", ""),
    "a key twice": (text() + "      effect: allow\n", 9, "effect", "delete one"),
    "a why that is long": (text(why="x" * 201), 9, "why", "shorten"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found_at_its_place_with_the_mend(name: str) -> None:
    source, line, key, mend = MISTAKES[name]
    found = problems(source)
    assert [(one.line, one.key) for one in found] == [(line, f"policy.rules[0].{key}")], found
    assert mend in found[0].mend


def test_all_mistakes_of_a_rule_are_said_at_once() -> None:
    found = problems(text(subjects="[reder]", actions="[page.reed]", resources='["a b"]', networks="[x]"))
    assert [one.line for one in found] == [7, 8, 9, 10]


def test_two_rules_of_one_name_are_a_mistake() -> None:
    found = problems(text() + text().removeprefix(HEAD))
    assert [(one.line, one.key) for one in found] == [(9, "policy.rules[1].name")]


def test_too_many_rules_are_a_mistake() -> None:
    rules = "".join(text(name=f"r{number}").removeprefix(HEAD) for number in range(RULES_MAX + 1))
    assert "at most 64" in problems(HEAD + rules)[0].allowed


def test_good_rules_are_taken_as_they_stand() -> None:
    source = text(resources='["*", "!/healthz"]', networks="[203.0.113.0/24]", why="outsiders")
    rule = load_text(source).policy.rules[0]
    assert (rule.name, rule.effect, rule.subjects) == ("r", "deny", ("reader",))
    assert rule.resources == ("*", "!/healthz")


@pytest.mark.parametrize(
    "changes",
    [
        {"subjects": '["*"]', "actions": '["*"]'},
        {"subjects": '["role:router", spiffe://valley.mesh/node/hill-*]', "actions": "[link.secure]"},
        {"subjects": "[member]", "actions": "[link.secure]", "svid": "lapsed", "resources": '["l*"]'},
        {"subjects": "[self]", "actions": "[remedy.act]", "resources": '["mesh/*", "node/restart-*"]'},
        {"subjects": "[hint]", "actions": '["hint.*"]', "resources": '["report/*"]'},
    ],
)
def test_patterns_that_can_match_are_no_mistake(changes: dict[str, str]) -> None:
    assert load_text(text(**changes)).policy.rules


def test_a_remedy_has_its_files_name_so_that_a_check_needs_not_import_it() -> None:
    assert {action.id for action in remedies.discover()} <= set(files())


def test_the_worst_file_is_checked_in_reasonable_time() -> None:
    rule = text(resources=f"[{', '.join(['/nope*'] * 32)}]", subjects=f"[{', '.join(['rootx'] * 16)}]")
    source = HEAD + "".join(rule.removeprefix(HEAD).replace("name: r", f"name: r{n}") for n in range(40))
    began = time.process_time()
    problems(source)
    assert time.process_time() - began < 5.0
