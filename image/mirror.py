# SPDX-License-Identifier: Apache-2.0
"""Which Debian mirror this machine uses, by apt's configuration: the image comes from the same place."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from image.settings import PUBLIC_MIRROR

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
# How apt reaches its mirror. Everything else of the machine's configuration stays out of the image's making.
TRANSPORT = re.compile(
    r'^(Acquire::(?:https?::.+|Check-Valid-Until|Check-Date|Retries)) "(.+)";$', re.MULTILINE
)
ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?:\s+(?P<parts>.*))?$"
)


def uris_of_list(text: str) -> list[str]:
    """URIs of one-line entries (`deb [options] URI suite component...`) that offer `main`, in order."""
    found = []
    for line in text.splitlines():
        match = ONE_LINE.match(line.split("#", 1)[0].strip())
        if match and "main" in (match["parts"] or "").split():
            found.append(match["uri"])
    return found


def uris_of_deb822(text: str) -> list[str]:
    """URIs of deb822 stanzas that are enabled and offer `main`, in order."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields[key] = f"{fields.get(key, '')} {line.strip()}"
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                fields[key] = value.strip()
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "0")
        if (
            enabled
            and "deb" in fields.get("types", "").split()
            and "main" in fields.get("components", "").split()
        ):
            found += fields.get("uris", "").split()
    return found


def archive_uri(uris: Iterable[str]) -> str | None:
    """The first URI that is a Debian archive: it ends in `/debian` and needs no helper of apt's."""
    for uri in uris:
        plain = uri.rstrip("/")
        if plain.endswith("/debian") and plain.startswith(("http://", "https://", "file:/", "copy:/")):
            return plain
    return None


def mirror(apt: Path = APT, os_release: Path = OS_RELEASE) -> str:
    """The machine's own Debian mirror; Debian's public one on another distribution."""
    if not re.search(
        r"^ID=\"?debian\"?$", os_release.read_text() if os_release.exists() else "", re.MULTILINE
    ):
        return PUBLIC_MIRROR
    uris: list[str] = []
    for file in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if not file.is_file():
            continue
        if file.suffix == ".sources":
            uris += uris_of_deb822(file.read_text())
        elif file.suffix == ".list":
            uris += uris_of_list(file.read_text())
    return archive_uri(uris) or PUBLIC_MIRROR


def transport_options(dump: str) -> list[str]:
    """Proxy, timeouts and the like from `apt-config dump`, as `Key "value"` for another apt."""
    return [f'{key} "{value}"' for key, value in TRANSPORT.findall(dump)]


def transport() -> list[str]:
    """This machine's transport options; empty where apt is missing."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return transport_options(dump)
