# SPDX-License-Identifier: Apache-2.0
"""Patterns and questions of strangers: only errors we know, and never more rights than were given."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.authz.authoriser import Authoriser
from agent.authz.errors import AuthzError
from agent.authz.subject import Subject, parse
from agent.authz.table import Table
from agent.config import ConfigError
from agent.configfile import load_text
from agent.configpolicy import Rule
from agent.policyterms import (
    ACTIONS,
    SUBJECTS,
    PatternError,
    actions_of,
    check_resource,
    matches,
    subject_kinds,
)

WORDS = st.one_of(
    st.text(max_size=300),
    st.text("spiffe:/.*!{}nodeNODE-a1 \x00ü", max_size=60),
    st.sampled_from([*SUBJECTS, *ACTIONS, "role:a", "spiffe://m/node/a*", "*", "page.*", "!x", "{node}"]),
)
RESOURCES = st.one_of(st.text(max_size=80), st.from_regex(r"[!-~]{0,20}\*?", fullmatch=True))


@given(WORDS)
def test_no_text_breaks_the_reading_of_a_pattern(text: str) -> None:
    for read in (subject_kinds, actions_of, check_resource):
        try:
            read(text)
        except PatternError as error:
            said = (error.allowed, error.mend)
        else:
            continue
        assert all(said)


@given(WORDS, st.lists(WORDS, max_size=3))
def test_no_text_breaks_the_naming_of_a_subject(text: str, roles: list[str]) -> None:
    try:
        subject = parse(text, roles)
    except AuthzError:
        return
    assert subject.kind in SUBJECTS


@given(WORDS, WORDS, st.text(max_size=300), st.text(max_size=60))
def test_whatever_is_asked_gets_an_answer_and_strangers_nothing(
    kind: str, action: str, resource: str, address: str
) -> None:
    decision = Authoriser().decide(Subject(kind), action, resource, address)
    assert decision.sentence
    if action not in ACTIONS or kind not in ACTIONS[action].askers:
        assert not decision


@given(RESOURCES, RESOURCES)
def test_a_pattern_matches_as_its_definition_says(pattern: str, resource: str) -> None:
    try:
        check_resource(pattern)
    except PatternError:
        return
    bare = pattern.removeprefix("!")
    rule = Rule("r", "allow", ("*",), ("*",), ("*", pattern) if pattern[0] == "!" else (pattern,))
    made = Table([(rule, "policy")]).decide(Subject("reader"), "page.read", resource)
    hit = matches(bare, resource) and "{node}" not in bare
    assert bool(made) is (not hit if pattern[0] == "!" else hit)
    if bare.endswith("*"):
        assert matches(bare, bare[:-1] + "more")
    else:
        assert matches(bare, bare)


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": WORDS,
                "effect": st.one_of(WORDS, st.sampled_from(["allow", "deny"])),
                "subjects": st.lists(WORDS, max_size=4),
                "actions": st.lists(WORDS, max_size=4),
                "resources": st.lists(RESOURCES, max_size=4),
                "networks": st.lists(WORDS, max_size=2),
            }
        ),
        max_size=4,
    )
)
def test_no_rule_breaks_the_check_of_a_file_and_what_passes_can_be_used(
    rules: list[Any],
) -> None:
    text = f"node: {{name: n1}}\nmesh: {{enabled: false}}\npolicy: {json.dumps({'rules': rules})}\n"
    began = time.process_time()
    try:
        config = load_text(text)
    except ConfigError as error:
        said = [problem.mend for problem in error.problems]
    else:
        said = [Authoriser(config.policy.rules).decide(Subject("reader"), "page.read", "/").sentence]
    assert all(said)
    assert time.process_time() - began < 2.0
