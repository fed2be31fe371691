# SPDX-License-Identifier: Apache-2.0
"""What a field of the configuration may hold: patterns, bounds, and the words that explain them to people."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"  # a host name's label, RFC 1123
IFNAME_PATTERN = (
    r"^(?!\.{1,2}$)[^\s/:]{1,15}$"  # IFNAMSIZ is 16 with the closing zero; kernel: dev_valid_name()
)
SERVICE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$"  # becomes a subject and a file name
MAC_PATTERN = r"^(auto|[0-9a-f][26ae](:[0-9a-f]{2}){5})$"  # locally administered, unicast
MIN_MTU = 1532  # 1500 of payload and 32 of batman-adv's largest header: nothing is fragmented
SOCKET_PATH_MAX = 107  # sun_path is 108 bytes with the closing zero


def about(text: str, unit: str = "", ge: float | None = None, le: float | None = None) -> Meta:
    """Words, unit and bounds of a field; the bounds may also stand with its type."""
    return Meta(description=text, extra={"unit": unit} if unit else None, ge=ge, le=le)


def words(allowed: str, mend: str) -> dict[str, str]:
    """What a pattern means, for people."""
    return {"allowed": allowed, "mend": mend}


PATH_WORDS = words("an absolute path", "write the whole path, from / on")
NAME_WORDS = words("1 to 63 letters, digits and '-'", "write a host name without dots, e.g. mast-3")
IFNAME_WORDS = words("1 to 15 characters without space, / and :", "write the name `ip link` shows (<= 15)")
SERVICE_WORDS = words("1 to 63 letters, digits and _ . @ -", "write a short name, e.g. broker")
MAC_WORDS = words(
    "auto or a locally administered MAC", "write auto, or lower-case hex, e.g. 02:78:30:00:00:01"
)
COUNTRY_WORDS = words("two capital letters", "write the ISO 3166 code, e.g. DE")

Auto = Literal["auto"]
Measure = Literal["measure"]
IfName = Annotated[str, Meta(pattern=IFNAME_PATTERN, extra=IFNAME_WORDS)]
Kbit = Annotated[int, Meta(ge=100, le=100_000_000)]  # the kernel counts in 100 kbit/s
Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
HostPort = Annotated[str, Meta(min_length=1, max_length=255, extra={"allowed": "HOST:PORT"})]
Argument = Annotated[str, Meta(min_length=0, max_length=4096)]
AbsolutePath = Annotated[str, Meta(pattern=r"^/.*$", max_length=255, extra=PATH_WORDS)]
SocketPath = Annotated[str, Meta(pattern=r"^/.*$", max_length=SOCKET_PATH_MAX, extra=PATH_WORDS)]
