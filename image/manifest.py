# SPDX-License-Identifier: Apache-2.0
"""Which Debian packages an image holds. Its name cannot tell: its hash covers the recipe alone."""

from image.settings import ImageError

INSTALLED = "install ok installed"  # dpkg-query(1): wanted, without error, unpacked and configured


def manifest(status: str) -> str:
    """One line `name:architecture=version` per installed package, sorted.

    `status`: dpkg's status file. Raises ImageError when it names no installed package.
    """
    lines = []
    for stanza in status.split("\n\n"):
        # A line that begins with a space continues the field above; none of ours has one.
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if line[:1] != " " and ": " in line)
        if fields.get("Status") == INSTALLED:
            lines.append(f"{fields['Package']}:{fields['Architecture']}={fields['Version']}\n")
    if not lines:
        raise ImageError("the root's /var/lib/dpkg/status names no installed package: see mmdebstrap's log")
    return "".join(sorted(lines))
