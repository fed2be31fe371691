# SPDX-License-Identifier: Apache-2.0
"""Puts a support bundle together: redacted parts in one tar.gz of at most BUNDLE_MAX bytes."""

from __future__ import annotations

import io
import json
import secrets
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from agent.support import collect
from agent.support.redact import Redactor

BUNDLE_MAX = 2 * 1024 * 1024  # bytes; what a phone sends over a bad link in a minute or two
FOLDER = "x0-support"
LARGEST_FIRST = ("kernel.txt", "log.txt", "ip-link.json")  # left out in this order where it is too large
ABOUT = """\
Made by the agent of a mesh node for whoever helps its technician. Secrets, positions, PINs and the addresses
of clients were taken out: any MAC or IP address not of the mesh itself became client-... or address-...
Names of nodes, interfaces and services are as they are. Look through it before you pass it on.
"""


def make(given: Mapping[str, Any], raw: Mapping[str, str]) -> bytes:
    """The tar.gz. `given`: status, config, macs, addresses, version; `raw`: file name > what it said."""
    clean = Redactor(secrets.token_bytes(16), given.get("macs", ()), given.get("addresses", ()))
    parts = {
        "about.txt": ABOUT,
        "versions.txt": clean.text(collect.versions(str(given.get("version", "")))),
        "status.json": _json(clean.value(given.get("status"))),
        "config.json": _json(clean.value(given.get("config"))),
    }
    parts |= {name: _part(name, text, clean) for name, text in raw.items()}
    packed = _pack(parts)
    for name in LARGEST_FIRST:
        if len(packed) <= BUNDLE_MAX:
            break
        parts[name] = "(left out: the bundle was too large)\n"
        packed = _pack(parts)
    return packed


def macs_of(raw: Mapping[str, str]) -> set[str]:
    """The MACs of nodes: in batman-adv's tables of nodes, and of this node's own interfaces."""
    found: set[str] = set()
    for name in (
        "batctl-interfaces.txt",
        "batctl-neighbours.txt",
        "batctl-originators.txt",
        "batctl-gateways.txt",
    ):
        words = raw.get(name, "").replace("(", " ").replace(")", " ").replace("[", " ").split()
        found.update(word.strip("*,").lower() for word in words if word.count(":") >= 5)
    for link in _rows(raw.get("ip-link.json", "")):
        found.add(str(link.get("address", "")).lower())
    return {mac for mac in found if len(mac) == 17}


def addresses_of(raw: Mapping[str, str]) -> set[str]:
    """This node's own IP addresses."""
    rows = [row for link in _rows(raw.get("ip-address.json", "")) for row in link.get("addr_info", ())]
    return {str(row["local"]) for row in rows if isinstance(row, dict) and "local" in row}


def _rows(text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError:  # the command said something in words
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _part(name: str, text: str, clean: Redactor) -> str:
    if name.endswith(".json") and (rows := _rows(text)):
        return _json(clean.value(rows))
    return clean.text(text)


def _json(value: Any) -> str:
    return collect.cut(json.dumps(value, indent=1, ensure_ascii=False)) + "\n"


def _pack(parts: Mapping[str, str]) -> bytes:
    now = int(time.time())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in parts.items():
            content = text.encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), now, 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
