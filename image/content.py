# SPDX-License-Identifier: Apache-2.0
"""Names an image by what goes into it, so that an unchanged recipe is never built twice."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from image.settings import Target

HASH_LENGTH = 16  # hex digits; 64 bits are plenty for the handful of images one machine holds
RECIPE_SUFFIXES = frozenset({".py", ".sh"})


def recipe_files(root: Path) -> list[Path]:
    """Files of the tree an image depends on, sorted: the recipe and the lock of the agent's libraries."""
    recipe = [file for file in (root / "image").rglob("*") if file.suffix in RECIPE_SUFFIXES]
    return [*sorted(recipe), root / "requirements/agent.txt"]


def content_hash(target: Target, files: Iterable[Path], root: Path) -> str:
    """Hex digest over the target's settings and the files' names and contents."""
    digest = hashlib.sha256(repr(target).encode())
    for file in files:
        data = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:HASH_LENGTH]


def directory_of(target: Target, root: Path) -> Path:
    """Where this recipe's image of the target lies once built."""
    return root / "build/image" / f"{target.name}-{content_hash(target, recipe_files(root), root)}"
