# SPDX-License-Identifier: Apache-2.0
"""How `x0` finds and asks the agent, and how it reads and writes durations and tables."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.base import UNREACHABLE
from agent.cli.client import DEFAULT_SOCKET, ClientError, UnreachableError, ask, socket_path
from agent.cli.text import duration, parse_duration, table


def test_an_agent_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen(1)
        with pytest.raises(UnreachableError, match="did not answer"):
            ask(str(tmp_path / "mute"), "status", timeout=0.05)


def test_the_socket_is_the_given_one_then_the_environments_then_the_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x0.yaml"
    monkeypatch.delenv("X0_SOCKET", raising=False)
    assert socket_path(None, path) == DEFAULT_SOCKET
    path.write_text("node: {name: n1}\nmesh: {enabled: false}\n")
    assert socket_path(None, path) == DEFAULT_SOCKET
    path.write_text("node: {name: n1, control_socket: /run/other.sock}\nmesh: {enabled: false}\n")
    assert socket_path(None, path) == "/run/other.sock"
    monkeypatch.setenv("X0_SOCKET", "/run/env.sock")
    assert socket_path(None, path) == "/run/env.sock"
    assert socket_path("/given.sock", path) == "/given.sock"


def test_asking_needs_neither_the_agents_libraries_nor_asyncio(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom agent.cli.main import main\n"
        "code = main(['status', '--socket', sys.argv[1]])\n"
        "print(code, sorted({'asyncio', 'msgspec', 'yaml', 'logging', 'agent.config'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "none")], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{UNREACHABLE} []\n"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "soon", "-5m", "5x", "1h30", "1e9", "5 m m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="like"):
        parse_duration(text)


def test_durations_are_shown_in_the_units_people_use() -> None:
    shown = [duration(s) for s in (0.42, 45, 600, 3900, 7200, 190_000)]
    assert shown == ["0.4 s", "45 s", "10 min", "1 h 5 min", "2 h", "2 d 4 h"]


def test_a_tables_columns_are_aligned() -> None:
    lines = table(("NAME", "N"), [("a", 5), ("longer", 12), ("", None)]).splitlines()
    assert lines == ["  NAME     N", "  a        5", "  longer  12", "  -        -"]


def test_client_errors_carry_what_and_mend() -> None:
    assert str(ClientError("it is", "do so")) == "it is. Mend: do so"
