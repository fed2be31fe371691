# SPDX-License-Identifier: Apache-2.0
"""Whose the kernel's channels are, over a restart of the agent: the file comes back as it was, or counts as
empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.macsec import MAX_CHANNELS
from agent.kernel.macsecrows import Sci
from agent.linksec import owners
from agent.linksec.judged import Judged
from agent.linksec.owners import OwnersFile

ISSUER = bytes(5600)


def many() -> dict[Sci, Judged]:
    """As many as an interface has, with certificates of their size."""
    return {
        Sci(f"02:00:00:00:00:{number:02x}"): Judged(
            f"spiffe://tal/node/n{number}", (bytes([number]) * 5600, ISSUER)
        )
        for number in range(MAX_CHANNELS)
    }


def test_it_comes_back_as_it_was_and_an_issuer_is_kept_once(tmp_path: Path) -> None:
    file = OwnersFile(tmp_path / "owners")
    assert file.load() == {}
    file.save(many())
    assert OwnersFile(tmp_path / "owners").load() == many()
    assert (tmp_path / "owners").stat().st_size < (MAX_CHANNELS + 2) * 5700


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-1],
        lambda raw: b"",
        lambda raw: b"\x83\x02" + raw[2:],  # another version
        lambda raw: b"\x83\x01\x80" + raw[-20:],
        lambda raw: raw + bytes(owners.MAX_BYTES),
    ],
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "owners"
    OwnersFile(path).save(many())
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert OwnersFile(path).load() == {}


def test_an_owner_whose_certificates_are_not_there_makes_it_damaged(tmp_path: Path) -> None:
    path = tmp_path / "owners"
    OwnersFile(path).save({Sci("02:00:00:00:00:01"): Judged("spiffe://tal/node/n1", (b"leaf",))})
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    assert OwnersFile(path).load() == {}


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="folder"):
        OwnersFile(tmp_path / "missing" / "owners").save(many())
