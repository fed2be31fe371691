# SPDX-License-Identifier: Apache-2.0
"""Rules of the PIN's file."""

import os
from pathlib import Path

import pytest

from agent.web import pin
from agent.web.limits import PIN_MAX

GOOD = "482913"


@pytest.fixture(scope="module")
def made() -> pin.Pin:
    return pin.make(GOOD)


def test_what_is_stored_is_loaded_and_only_its_pin_matches(tmp_path: Path, made: pin.Pin) -> None:
    path = tmp_path / "new" / "pin"
    pin.store(path, made)
    loaded = pin.load(path)
    assert loaded == made
    assert pin.matches(made, GOOD)
    assert not any(
        pin.matches(made, text) for text in ("", "482914", "48291", "x" * (PIN_MAX + 1), "482913 ")
    )


def test_the_file_is_for_its_owner_only_and_does_not_hold_the_pin(tmp_path: Path, made: pin.Pin) -> None:
    path = tmp_path / "pin"
    path.write_text("old")
    path.chmod(0o666)
    pin.store(path, made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert GOOD not in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["pin"]


def test_no_file_is_no_pin(tmp_path: Path) -> None:
    assert pin.load(tmp_path / "pin") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_others_can_read_or_write_is_refused(tmp_path: Path, made: pin.Pin, mode: int) -> None:
    path = tmp_path / "pin"
    pin.store(path, made)
    path.chmod(mode)
    with pytest.raises(pin.PinError, match=r"by others.*x0 pin set"):
        pin.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "", "482913", "scrypt$8192$8$1$AAAA", "scrypt$1048576$8$1$c2FsdHNhbHQ=$" + "A" * 43 + "=",
        "scrypt$8192$8$1000$c2FsdHNhbHQ=$" + "A" * 43 + "=", "scrypt$8191$8$1$c2FsdHNhbHQ=$" + "A" * 43 + "=",
        "md5$8192$8$1$c2FsdHNhbHQ=$" + "A" * 43 + "=", "\xff\0", "scrypt$" + "1" * 5000 + "$8$1$a$b",
        "x" * 10_000,
    ],
)  # fmt: skip
def test_a_file_x0_did_not_write_is_refused_before_it_costs_memory(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pin"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    with pytest.raises(pin.PinError, match="x0 pin set"):
        pin.load(path)


def test_a_file_that_cannot_be_read_is_said_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "pin").mkdir()
    with pytest.raises(pin.PinError, match="x0 pin set"):
        pin.load(tmp_path / "pin")


@pytest.mark.parametrize(
    "text",
    ["", "12345", "111111", "123456", "654321", "abcdefgh", " 482913", "482913\n", "4829\x0013", "9" * 65],
)
def test_weak_pins_are_not_made(text: str) -> None:
    with pytest.raises(pin.PinError, match=r"Mend: choose 6 to 64"):
        pin.make(text)


def test_equal_pins_have_different_hashes_and_ids(made: pin.Pin) -> None:
    again = pin.make(GOOD)
    assert again.digest != made.digest
    assert again.id != made.id


def test_clearing_says_whether_there_was_one(tmp_path: Path, made: pin.Pin) -> None:
    pin.store(tmp_path / "pin", made)
    assert pin.clear(tmp_path / "pin")
    assert not pin.clear(tmp_path / "pin")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_with_the_mend(tmp_path: Path, made: pin.Pin) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(pin.PinError, match=r"cannot be written.*Mend"):
        pin.store(tmp_path / "pin", made)


def test_one_check_takes_no_more_memory_than_a_router_has() -> None:
    assert 128 * pin.N * pin.R <= 8 * 2**20
    assert 128 * pin.N_MAX * pin.R_MAX <= 16 * 2**20
