# SPDX-License-Identifier: Apache-2.0
"""Takes secrets and people out of what leaves the node: keys, PINs, positions, clients' addresses. Pure.

What identifies nodes of the mesh stays: without their MACs no table can be read. Any other MAC or IP address
becomes a name like client-3fa2c1, the same within one bundle, another in the next.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "[hidden]"
SECRET_NAMES = re.compile(
    r"(?i)(psk|pass(word|phrase|wd)?|secret|token|private|credential|cookie|auth|sae|wep|(^|[_.-])(pin|key|keys)($|[_.-])"
    r"|position|location|latitude|longitude|altitude|coordinates|(^|[_.-])(lat|lon|lng|alt|geo)($|[_.-])|contact|e?mail|phone)"
)
# It begins with the telling word, not with the name's beginning: so each line is searched in one pass.
_ASSIGNED = re.compile(
    r"(?i)(?P<name>(?:psk|pass(?:word|phrase|wd)|secret|token|credential|cookie|authorization|latitude|longitude"
    r"|(?<![a-z])(?:pass|pin|key|lat|lon)(?![a-rt-z]))[\w-]{0,20}[\"']?)"
    r"(?P<sign>\s*[=:]\s*|\s+(?=[^\s=:]*\d))(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;}\]]+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}")
_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/@]+@")
_FLAG = re.compile(r"(?i)^--?(p|pw|psk|pass.*|secret.*|token.*|key.*|pin.*|auth.*)$")
_BLOCK = re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|\Z)", re.DOTALL)
_MAC = re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f:])")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{2,39}(?![0-9A-Za-z:])")
LINE_MAX = 4000  # characters; what is longer is cut before it is searched


class Redactor:
    """`salt`: random, of this bundle; `macs` and `addresses` stay readable (the mesh's own)."""

    def __init__(self, salt: bytes, macs: Iterable[str] = (), addresses: Iterable[str] = ()) -> None:
        self._salt = salt
        self._macs = {mac.lower() for mac in macs}
        self._addresses = {_normal(address.partition("/")[0]) for address in addresses}

    def text(self, text: str) -> str:
        """Free text: a log, a tool's output."""
        text = _BLOCK.sub(HIDDEN, text)
        return "\n".join(self.line(line[:LINE_MAX]) for line in text.split("\n"))

    def line(self, line: str) -> str:
        """One line."""
        line = _USERINFO.sub(lambda m: f"{m['scheme']}{HIDDEN}@", line)
        line = _BEARER.sub(lambda m: f"{m[1]} {HIDDEN}", line)
        line = _ASSIGNED.sub(lambda m: f"{m['name']}{m['sign']}{HIDDEN}", line)
        line = _MAC.sub(lambda m: self._mac(m[0]), line)
        line = _IPV4.sub(lambda m: self._address(m[0]), line)
        return _IPV6.sub(lambda m: self._address(m[0]), line)

    def value(self, value: Any, name: str = "") -> Any:
        """A document of dicts, lists and texts; what a secret's name stands before is hidden whole."""
        if name and SECRET_NAMES.search(name):
            return HIDDEN if value not in (None, "", [], {}, ()) else value
        if isinstance(value, dict):
            return {self.line(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return self._items(value)
        return self.text(value) if isinstance(value, str) else value

    def _items(self, items: Iterable[Any]) -> list[Any]:
        """Of a command line, what stands behind a flag that names a secret is hidden, too."""
        found: list[Any] = []
        flagged = False
        for item in items:
            found.append(HIDDEN if flagged and isinstance(item, str) else self.value(item))
            flagged = isinstance(item, str) and bool(_FLAG.match(item))
        return found

    def _mac(self, mac: str) -> str:
        plain = mac.lower().replace("-", ":")
        if plain in self._macs or int(plain[:2], 16) & 1:  # of the mesh, or a group address
            return mac
        return f"client-{self._name(plain)}"

    def _address(self, text: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        known = _normal(text) in self._addresses or self._of_mesh(address)
        if known or address.is_loopback or address.is_multicast or address.is_unspecified:
            return text
        if isinstance(address, ipaddress.IPv4Address) and (text.startswith("255.") or text.endswith(".0")):
            return text  # a mask, a network
        return f"address-{self._name(_normal(text))}"

    def _of_mesh(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        """A link-local address made of a MAC (EUI-64) that may stay."""
        if not isinstance(address, ipaddress.IPv6Address) or not address.is_link_local:
            return False
        raw = address.packed[8:]
        mac = bytes((raw[0] ^ 2, raw[1], raw[2], raw[5], raw[6], raw[7]))
        return raw[3:5] == b"\xff\xfe" and mac.hex(":") in self._macs

    def _name(self, what: str) -> str:
        return hashlib.blake2s(what.encode(), key=self._salt, digest_size=3).hexdigest()


def _normal(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
