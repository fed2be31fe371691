# SPDX-License-Identifier: Apache-2.0
"""Which state of the tree a result belongs to."""

import hashlib
import subprocess
from pathlib import Path

# what no long test reads: noting a result in the README does not make it old
PATHS = ("--", ".", ":(exclude,glob)**/*.md", ":(exclude)docs")
COMMIT_DIGITS, CHANGE_DIGITS = 10, 8


def state(tree: Path) -> str:
    """Return the last commit that changed more than texts, `+HASH` behind it for changes not committed.

    "" where that cannot be told (no git): a result of such a tree is never taken for the present one's.
    """
    try:
        commit = _git(tree, "log", "-1", "--format=%H", *PATHS).decode().strip()
        changes = _git(tree, "diff", "HEAD", "--binary", *PATHS)
        names = _git(tree, "ls-files", "--others", "--exclude-standard", "-z", *PATHS).decode()
    except (OSError, subprocess.CalledProcessError):
        return ""
    new = sorted(name for name in names.split("\0") if name)
    if not (changes or new):
        return commit[:COMMIT_DIGITS]
    digest = hashlib.sha256(changes)
    for name in new:
        path = tree / name
        content = path.read_bytes() if path.is_file() else b""  # a link to nowhere, or gone meanwhile
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return f"{commit[:COMMIT_DIGITS]}+{digest.hexdigest()[:CHANGE_DIGITS]}"


def _git(tree: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=tree, capture_output=True, check=True).stdout
