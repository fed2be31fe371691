# SPDX-License-Identifier: Apache-2.0
"""A lab's state on the host: kept, found again, damaged, and whose a process is."""

import os
from pathlib import Path

import pytest

from tools.lab import state
from tools.lab.errors import MachineError, NoLabError, UsageError
from tools.lab.state import LabState, Machine

STATE = LabState(
    "one", "line:2", True, 1.0, "secret", (Machine("mesh", 1, 2, ("n1", "n2"), {"n1": 3, "n2": 4}),)
)


@pytest.fixture(autouse=True)
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "LABS", tmp_path)
    (tmp_path / "one").mkdir()
    return tmp_path


def test_what_is_saved_is_loaded() -> None:
    state.save(STATE)
    assert state.load("one") == STATE
    assert state.names() == ["one"]


def test_the_token_is_readable_by_its_owner_only(labs: Path) -> None:
    state.save(STATE)
    assert (labs / "one" / "lab.json").stat().st_mode & 0o077 == 0


def test_a_lab_that_is_not_there_is_said_with_those_that_are() -> None:
    state.save(STATE)
    with pytest.raises(NoLabError, match=r"running: one.*lab up --name two"):
        state.load("two")


def test_a_damaged_state_says_how_to_end_the_lab(labs: Path) -> None:
    (labs / "one" / "lab.json").write_text('{"name": ')
    with pytest.raises(NoLabError, match=r"damaged.*lab down --name one"):
        state.load("one")


@pytest.mark.parametrize("name", ["", "../etc", "Upper", "a" * 32, "-x"])
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        state.folder(name)


def test_a_process_that_got_the_number_of_a_dead_machine_is_not_ours() -> None:
    assert not state.owns(os.getpid(), "one")
    assert not state.owns(2**22 + 1, "one")


@pytest.mark.parametrize(
    ("console", "told"),
    [
        ("[ 1.0] batman_adv loaded\n", None),
        (
            "[ 1.0] x\n[ 9.1] Kernel panic - not syncing: Fatal exception\nmore",
            "Kernel panic - not syncing: Fatal exception",
        ),
        (
            "x0-lab: the guest server ended with 1; the machine stops\n",
            "x0-lab: the guest server ended with 1; the machine stops",
        ),
    ],
)
def test_a_panic_is_read_from_the_console(labs: Path, console: str, told: str | None) -> None:
    (labs / "one" / "mesh.console").write_text(console)
    assert state.panic("one", "mesh") == told


def test_a_machines_death_has_an_exit_code_of_its_own() -> None:
    assert MachineError.exit_code == 70
