# SPDX-License-Identifier: Apache-2.0
"""`x0 pin` as people use it."""

import io
import json
from pathlib import Path

import pytest

from agent.cli.base import OK, PROBLEM
from agent.cli.main import main
from agent.web import pin

PIN = "482913"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "x0.yaml"
    path.write_text(f"node: {{name: n1, state_dir: {tmp_path}/state}}\nmesh: {{enabled: false}}\n")
    return path


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_pin_of_standard_input_is_kept_where_the_configuration_says(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, f"{PIN}\nmore\n")
    assert main(["pin", "set", "--config", str(config)]) == OK
    found = pin.load(config.parent / "state" / "pin")
    assert found is not None
    assert pin.matches(found, PIN)
    said = capsys.readouterr()
    assert PIN not in said.out + said.err


def test_web_pin_file_and_the_option_name_another_place(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config.read_text() + f"web: {{pin_file: {config.parent}/a}}\n")
    for options, name in ((["--config", str(config)], "a"), (["--file", str(config.parent / "b")], "b")):
        typed(monkeypatch, PIN)
        assert main(["pin", "set", *options]) == OK
        assert pin.load(config.parent / name)


@pytest.mark.parametrize("text", ["", "12345\n", "123456\n", "x" * 70])
def test_a_weak_pin_is_refused_with_the_mend_and_the_old_one_holds(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    typed(monkeypatch, PIN)
    main(["pin", "set", "--config", str(config)])
    typed(monkeypatch, text)
    assert main(["pin", "set", "--config", str(config)]) == PROBLEM
    assert "Mend: choose 6 to 64" in capsys.readouterr().err
    found = pin.load(config.parent / "state" / "pin")
    assert found is not None
    assert pin.matches(found, PIN)


def test_a_terminal_is_asked_twice(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    for answers, code in (([PIN, PIN], OK), ([PIN, "other"], PROBLEM)):
        left = iter(answers)
        monkeypatch.setattr("getpass.getpass", lambda _prompt, left=left: next(left))
        assert main(["pin", "set", "--config", str(config)]) == code


def test_clear_says_what_was_there(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, PIN)
    main(["pin", "set", "--config", str(config)])
    assert main(["pin", "clear", "--config", str(config)]) == OK
    assert "is gone" in capsys.readouterr().out
    assert main(["pin", "clear", "--json", "--config", str(config)]) == OK
    assert json.loads(capsys.readouterr().out)["ok"]
    assert not (config.parent / "state" / "pin").exists()


def test_a_configuration_with_mistakes_is_no_place_to_look(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("node: {name: n1}\nnonsense: 1\n")
    typed(monkeypatch, PIN)
    assert main(["pin", "set", "--config", str(config)]) == PROBLEM
    assert "--file" in capsys.readouterr().err
