# SPDX-License-Identifier: Apache-2.0
"""An image says which versions it holds, as its name does not."""

import pytest

from image.manifest import manifest
from image.settings import ImageError

STATUS = """\
Package: zlib1g
Status: install ok installed
Multi-Arch: same
Architecture: amd64
Version: 1:1.3.dfsg+really1.3.1-1+b1
Description: compression library - runtime
 Version: this line goes on with the description
Homepage: http://zlib.net/

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: adduser
Status: install ok installed
Architecture: all
Conffiles:
 /etc/deluser.conf 0123456789abcdef0123456789abcdef
Version: 3.152
"""


def test_installed_packages_are_listed_by_name_with_their_versions() -> None:
    assert manifest(STATUS) == "adduser:all=3.152\nzlib1g:amd64=1:1.3.dfsg+really1.3.1-1+b1\n"


def test_what_is_only_configuration_is_not_listed() -> None:
    assert "gone" not in manifest(STATUS)


def test_another_version_changes_the_list() -> None:
    assert manifest(STATUS.replace("3.152", "3.153")) != manifest(STATUS)


@pytest.mark.parametrize("status", ["", "Package: half\nStatus: install ok unpacked\nVersion: 1\n"])
def test_a_root_without_packages_is_an_error(status: str) -> None:
    with pytest.raises(ImageError, match="no installed package"):
        manifest(status)
