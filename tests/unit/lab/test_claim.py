# SPDX-License-Identifier: Apache-2.0
"""One process starts a lab of a name, and each ends only its own."""

import os
import shutil
from pathlib import Path

import pytest

from tools.lab import claim, lifecycle, state
from tools.lab.errors import LabError, UsageError
from tools.lab.state import LabState, Machine


@pytest.fixture(autouse=True)
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "LABS", tmp_path / "labs")
    return tmp_path / "labs"


def end(name: str) -> None:
    shutil.rmtree(state.folder(name), ignore_errors=True)


def test_a_lab_that_is_being_started_is_not_started_again(labs: Path) -> None:
    with claim.starting("one", end), pytest.raises(UsageError, match="being started"):  # noqa: SIM117
        with claim.starting("one", end):
            pass
    assert (labs / "one").exists(), "the second left the first one's folder alone"


def test_labs_of_other_names_are_started_meanwhile(labs: Path) -> None:
    with claim.starting("one", end), claim.starting("two", end) as folder:
        assert folder == labs / "two"


def test_a_running_lab_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with claim.starting("one", end):
        state.save(LabState("one", "line:1", True, 1.0, "t", (Machine("mesh", 77, 2, ("n1",), {}),)))
    monkeypatch.setattr(state, "owns", lambda pid, name: (pid, name) == (77, "one"))
    with pytest.raises(UsageError, match=r"runs already.*lab down --name one"), claim.starting("one", end):
        pass


@pytest.mark.parametrize("saved", [True, False])
def test_what_a_dead_starter_left_is_ended_first(labs: Path, saved: bool) -> None:
    with claim.starting("one", end) as folder:
        (folder / "mesh.pid").write_text("4194305")
        if saved:
            state.save(LabState("one", "line:1", True, 1.0, "t", (Machine("mesh", 4194305, 2, ("n1",), {}),)))
    ended: list[str] = []

    def tell(name: str) -> None:
        ended.append(name)
        end(name)

    with claim.starting("one", tell) as folder:
        assert ended == ["one"]
        assert [path.name for path in folder.iterdir()] == [claim.STARTER]


def test_only_who_started_a_lab_ends_it_as_its_own(labs: Path) -> None:
    assert not lifecycle.down_ours("one")
    with claim.starting("one", end) as folder:
        (folder / claim.STARTER).write_text(str(os.getppid()))
        assert not lifecycle.down_ours("one")
        assert folder.exists()
        (folder / claim.STARTER).write_text(str(os.getpid()))
        assert lifecycle.down_ours("one")
    assert list(labs.iterdir()) == []


def test_a_start_that_is_interrupted_leaves_nothing(labs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Path:
        (labs / "one" / "mesh.console").write_text("booting")
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "build", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lifecycle.up("line:2", name="one")
    assert list(labs.iterdir()) == []


def test_a_start_that_fails_leaves_its_console_only(labs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed() -> Path:
        (labs / "one" / "mesh.console").write_text("Kernel panic")
        raise LabError("no image")

    monkeypatch.setattr(lifecycle, "build", failed)
    with pytest.raises(LabError):
        lifecycle.up("line:2", name="one")
    assert [path.name for path in labs.iterdir()] == ["one.mesh.failed.console"]
