# SPDX-License-Identifier: Apache-2.0
"""`lab exec`: what stands before the first `--` is the lab's, what follows is the program's."""

import argparse

import pytest

from tools.lab import cli, commands


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """What the command was asked to run."""
    made: list[argparse.Namespace] = []

    def keep(arguments: argparse.Namespace) -> int:
        made.append(arguments)
        return 0

    monkeypatch.setattr(commands, "execute", keep)
    return made


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "--name", "other", "n1"],
        ["n1", "--json", "--name", "other"],
        ["--name", "other", "n1", "--json"],
    ],
)
def test_options_are_the_labs_before_and_after_the_node(
    asked: list[argparse.Namespace], words: list[str]
) -> None:
    assert cli.main(["exec", *words, "--", "ip", "-j", "link"]) == 0
    assert (asked[0].node, asked[0].name, asked[0].json) == ("n1", "other", True)
    assert asked[0].argv == ["ip", "-j", "link"]


def test_what_follows_the_first_dashes_is_the_programs_own(asked: list[argparse.Namespace]) -> None:
    assert cli.main(["exec", "n1", "--", "sh", "--json", "--", "--name", "x"]) == 0
    assert asked[0].argv == ["sh", "--json", "--", "--name", "x"]
    assert not asked[0].json


@pytest.mark.parametrize("words", [["n1", "ls"], ["n1", "--json", "ls", "-l"], ["n1"], ["n1", "--"]])
def test_a_program_without_dashes_is_refused_and_shown_how_to_write_it(
    asked: list[argparse.Namespace], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.main(["exec", *words]) == 2
    assert "lab exec NODE -- CMD" in capsys.readouterr().err
    assert asked == []


def test_a_word_too_much_before_the_dashes_is_refused(asked: list[argparse.Namespace]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["exec", "n1", "n2", "--", "ls"])
    assert ended.value.code == 2
    assert asked == []


def test_dashes_of_other_commands_are_left_to_them() -> None:
    assert cli.split(["path", "--", "n1", "n2"]) == (["path", "--", "n1", "n2"], [])
