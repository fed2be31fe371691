# SPDX-License-Identifier: Apache-2.0
"""Rules of a reload: checked first, whole or not at all, and only what a running agent can take over."""

from pathlib import Path

import pytest

from agent.config import Config, load
from agent.reload import Reload

GOOD = "node: {name: n1}\nmode: observe\nmesh: {enabled: false}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "node.yaml"
    path.write_text(GOOD)
    return path


def _reload(path: Path) -> tuple[Reload, list[Config]]:
    taken: list[Config] = []
    return Reload(path, load(path), taken.append), taken


def test_unchanged_file_takes_nothing_over(path: Path) -> None:
    reload, taken = _reload(path)
    reload.run()
    assert taken == []


def test_what_needs_a_restart_stays_as_it_was(path: Path) -> None:
    reload, taken = _reload(path)
    path.write_text(GOOD + "hello: {interval: 2.0, port: 7099}\nhealing: {budget_per_hour: 5}\n")
    reload.run()
    [config] = taken
    assert (config.hello.interval, config.hello.port) == (2.0, 7077)
    assert config.healing.budget_per_hour == 5


@pytest.mark.parametrize("text", ["node: {name: n1}\nmode: maybe\n", "node: [", ""])
def test_bad_file_is_refused_and_said(path: Path, text: str) -> None:
    reload, taken = _reload(path)
    path.write_text(text)
    reload.run()
    assert taken == []
    assert "the old one holds" in reload.error
    path.write_text(GOOD)
    reload.run()
    assert reload.error == ""


def test_vanished_file_is_refused(path: Path) -> None:
    reload, taken = _reload(path)
    path.unlink()
    reload.run()
    assert taken == []
    assert reload.error
