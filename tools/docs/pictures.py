# SPDX-License-Identifier: Apache-2.0
"""The README's picture: a real page of a real lab with a link cut, as a phone shows it.

    python -m tools.docs.pictures

Needs chromium (`make setup`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tools.lab import lifecycle, story
from tools.lab.client import Lab

FOLDER: Final = Path(__file__).parents[2] / "docs/pictures"
PHONE: Final = "412,915"  # CSS pixels of a common phone
DENSITY: Final = "2"  # text stays readable when the picture is scaled down
SHOT_S: Final = 60.0
CONTAINED_S: Final = 20.0
NAME: Final = "pictures"


def shot(url: str, file: Path) -> None:
    """Save a page as a PNG."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                shutil.which("chromium") or "chromium",
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *(f"--user-data-dir={profile}", f"--window-size={PHONE}", "--hide-scrollbars"),
                *(f"--force-device-scale-factor={DENSITY}", f"--screenshot={file}", url),
            ],
            check=True,
            capture_output=True,
            timeout=SHOT_S,
        )


def take(lab: Lab) -> None:
    """The page of n2 when traffic no longer depends on the link."""
    lab.traffic_start("n1", "n3")
    time.sleep(3)  # of traffic before the cut
    made = lab.inject("link-dead", "n2", "n3")
    story.wait_for(
        lab,
        lambda e: e.event == "outcome" and e.fields["result"] == "contained",
        made.at,
        CONTAINED_S,
        ("n2",),
    )
    shot(lab.page("n2"), FOLDER / "link-dead.png")


def main() -> int:
    """Boot, take, end."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        take(lifecycle.up("ring:5", name=NAME))
    finally:
        lifecycle.down(NAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
