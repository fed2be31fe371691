# SPDX-License-Identifier: Apache-2.0
"""The mirror is apt's own, whichever way its sources are written."""

from pathlib import Path

import pytest

from image.mirror import archive_uri, mirror, transport_options, uris_of_deb822, uris_of_list
from image.settings import PUBLIC_MIRROR

DEB822 = """\
# comment
Types: deb
URIs: http://mirror.example/debian
Suites: trixie
  trixie-updates
Components: main
# comment inside
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: trixie-security
Components: main
"""


def machine(tmp_path: Path, files: dict[str, str], os_id: str = "debian") -> tuple[Path, Path]:
    """An /etc/apt with those files, and an os-release."""
    for name, text in files.items():
        path = tmp_path / "apt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    release = tmp_path / "os-release"
    release.write_text(f'NAME="Some"\nID={os_id}\n')
    return tmp_path / "apt", release


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("deb http://m/debian trixie main", ["http://m/debian"]),
        ("deb [arch=amd64 signed-by=/k.gpg] http://m/debian/ trixie main contrib", ["http://m/debian/"]),
        ("deb http://m/debian trixie main # note", ["http://m/debian"]),
        ("# deb http://m/debian trixie main", []),
        ("deb-src http://m/debian trixie main", []),
        ("deb http://m/debian trixie contrib", []),
        ("deb http://m/debian trixie", []),
        ("nonsense", []),
    ],
)
def test_one_line_entries_count_when_they_are_binary_and_offer_main(line: str, found: list[str]) -> None:
    assert uris_of_list(f"\n{line}\n") == found


def test_deb822_stanzas_give_their_uris_in_order() -> None:
    assert uris_of_deb822(DEB822) == ["http://mirror.example/debian", "http://mirror.example/debian-security"]


def test_deb822_continuation_lines_hold_further_uris() -> None:
    text = "Types: deb\nURIs: http://a/debian\n http://b/debian\nSuites: x\nComponents: main\n"
    assert uris_of_deb822(text) == ["http://a/debian", "http://b/debian"]


@pytest.mark.parametrize(
    "change",
    [
        ("Types: deb\n", "Types: deb-src\n"),
        ("Components: main", "Components: contrib"),
        ("# comment\n", "Enabled: no\n"),
    ],
)
def test_deb822_stanzas_without_binaries_of_main_do_not_count(change: tuple[str, str]) -> None:
    first = DEB822.split("\n\n", 1)[0].replace(*change, 1)
    assert uris_of_deb822(first) == []


def test_only_a_debian_archive_is_taken() -> None:
    uris = [
        "https://repo.example/node",
        "http://m/debian-security",
        "mirror+file:/x/debian",
        "http://m/debian/",
    ]
    assert archive_uri(uris) == "http://m/debian"
    assert archive_uri(uris[:3]) is None


def test_the_machines_mirror_is_used(tmp_path: Path) -> None:
    apt, release = machine(tmp_path, {"sources.list.d/debian.sources": DEB822, "sources.list": "# empty\n"})
    assert mirror(apt, release) == "http://mirror.example/debian"


def test_the_old_file_comes_first(tmp_path: Path) -> None:
    files = {"sources.list.d/debian.sources": DEB822, "sources.list": "deb http://old/debian trixie main\n"}
    assert mirror(*machine(tmp_path, files)) == "http://old/debian"


def test_another_distributions_mirror_is_not_used(tmp_path: Path) -> None:
    files = {"sources.list": "deb http://m/debian trixie main\n"}
    assert mirror(*machine(tmp_path, files, os_id="ubuntu")) == PUBLIC_MIRROR


def test_without_sources_the_public_mirror_serves(tmp_path: Path) -> None:
    assert mirror(*machine(tmp_path, {"apt.conf": ""})) == PUBLIC_MIRROR


def test_only_transport_options_are_handed_on() -> None:
    dump = (
        'APT "";\nAPT::Architecture "amd64";\nAcquire::http::Proxy "http://127.0.0.1:3142";\n'
        'Acquire::https::CaInfo "/ca.pem";\nAcquire::Languages "none";\nAcquire::Check-Valid-Until "false";\n'
        'Acquire::http::Timeout "";\nDir::Etc "etc/apt";\n'
    )
    assert transport_options(dump) == [
        'Acquire::http::Proxy "http://127.0.0.1:3142"',
        'Acquire::https::CaInfo "/ca.pem"',
        'Acquire::Check-Valid-Until "false"',
    ]
