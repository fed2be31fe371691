# SPDX-License-Identifier: Apache-2.0
"""An image is named by what goes into it."""

from dataclasses import replace
from pathlib import Path

import pytest

from image.content import content_hash, directory_of, recipe_files
from image.settings import TARGETS, ImageError, target_named

LAB = TARGETS["lab"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a recipe of two files and a lock."""
    for name, text in {
        "image/a.py": "1",
        "image/b.sh": "2",
        "requirements/agent.txt": "3",
        "agent/x.py": "4",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_recipe_is_its_scripts_and_the_lock(tree: Path) -> None:
    (tree / "image/notes.md").write_text("not part of it")
    names = [file.relative_to(tree).as_posix() for file in recipe_files(tree)]
    assert names == ["image/a.py", "image/b.sh", "requirements/agent.txt"]


def test_the_same_recipe_has_the_same_name(tree: Path) -> None:
    assert directory_of(LAB, tree) == directory_of(LAB, tree)
    assert directory_of(LAB, tree).name.startswith("lab-")


def test_the_agents_own_source_does_not_rename_the_image(tree: Path) -> None:
    before = directory_of(LAB, tree)
    (tree / "agent/x.py").write_text("edited")
    assert directory_of(LAB, tree) == before


@pytest.mark.parametrize("name", ["image/a.py", "image/b.sh", "requirements/agent.txt"])
def test_an_edited_recipe_has_another_name(tree: Path, name: str) -> None:
    before = directory_of(LAB, tree)
    (tree / name).write_text("edited")
    assert directory_of(LAB, tree) != before


def test_another_setting_has_another_name(tree: Path) -> None:
    assert directory_of(replace(LAB, packages=(*LAB.packages, "vim")), tree) != directory_of(LAB, tree)


def test_text_moved_between_files_changes_the_name(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("12")
    second.write_text("3")
    before = content_hash(LAB, [first, second], tmp_path)
    first.write_text("1")
    second.write_text("23")
    assert content_hash(LAB, [first, second], tmp_path) != before


def test_an_unknown_target_names_those_there_are() -> None:
    with pytest.raises(ImageError, match=r"no target 'pi'; there are: lab"):
        target_named("pi")
