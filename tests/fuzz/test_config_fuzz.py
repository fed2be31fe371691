# SPDX-License-Identifier: Apache-2.0
"""Whatever text is loaded: a Config or a ConfigError with bounded, placed problems, never anything else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import Config, ConfigError, Problem
from agent.configfile import MAX_PROBLEMS, load_text

EXAMPLE = (Path(__file__).parents[2] / "configs" / "radio-node.yaml").read_text()
YAMLISH = st.text(alphabet="abno:-[]{}'\"#&*!|>%@`,? \t\n0159.eE~é\u2028\x85", max_size=200)


def load_or_refuse(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        loaded: Config | None = load_text(text)
    except ConfigError as error:
        loaded, problems = None, error.problems
    assert (loaded is None) == bool(problems)
    assert len(problems) <= MAX_PROBLEMS
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.found
        assert problem.mend


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), YAMLISH))
def test_any_text_is_loaded_or_refused(text: str) -> None:
    load_or_refuse(text)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(EXAMPLE)), st.integers(0, 40), YAMLISH)
def test_a_damaged_example_is_loaded_or_refused(at: int, lost: int, put: str) -> None:
    load_or_refuse(EXAMPLE[:at] + put + EXAMPLE[at + lost :])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(EXAMPLE.split("\n")[6:]), YAMLISH)
def test_any_value_at_any_key_is_loaded_or_refused(line: str, value: str) -> None:
    load_or_refuse(EXAMPLE.replace(line, line.partition(":")[0] + ": " + value) if ":" in line else EXAMPLE)
