# SPDX-License-Identifier: Apache-2.0
"""What the recipe asks of its programs, and how it fails."""

from pathlib import Path

import pytest

from image import build as recipe
from image import mirror
from image.rootfs import mmdebstrap, run
from image.settings import TARGETS, ImageError

LAB = TARGETS["lab"]
ROOT = Path(__file__).resolve().parents[3]


def test_a_built_image_is_returned_without_building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = tmp_path / "lab-1"
    final.mkdir()
    for product in recipe.PRODUCTS:
        (final / product).touch()
    monkeypatch.setattr(recipe, "directory_of", lambda target, root: final)
    assert recipe.build(LAB, tmp_path) == final
    assert not (tmp_path / ".lock").exists()


def test_the_machines_mirror_and_transport_reach_mmdebstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "mirror", lambda: "http://m/debian")
    monkeypatch.setattr(mirror, "transport", lambda: ['Acquire::http::Proxy "http://p:1"'])
    command = mmdebstrap(LAB, ROOT / "image", Path("/w/python"), Path("/w/root.tar"))
    assert command[-3:] == ["trixie", "/w/root.tar", "deb http://m/debian trixie main"]
    assert '--aptopt=Acquire::http::Proxy "http://p:1"' in command
    assert "--customize-hook=copy-in /w/python /usr/lib/x0" in command


def test_the_kernel_is_one_with_batman_adv() -> None:
    assert "cloud" not in LAB.kernel


def test_a_failing_program_is_reported_with_its_last_words_and_a_mend(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"(?s)packing failed with exit code 3: free some disk.*no room"):
        run("packing", ["sh", "-c", "echo no room; exit 3"], tmp_path / "log", "free some disk")


def test_a_missing_program_is_reported_with_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="x0-no-such-program is not installed; run: make setup"):
        run("packing", ["x0-no-such-program"], tmp_path / "log", "")
