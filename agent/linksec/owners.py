# SPDX-License-Identifier: Apache-2.0
"""Whose receive channels are in the kernel, kept over an agent's restart; in a file that a reboot may take.

The kernel knows channel identifiers only. With this a channel that an earlier run left is given back to the
neighbour it was made for and to nobody else, and goes at once where that one is trusted no more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from agent.kernel.errors import KernelError
from agent.kernel.macsec import MAX_CHANNELS
from agent.kernel.macsecrows import SCI_BYTES, Sci
from agent.linksec import wire
from agent.linksec.judged import Judged
from agent.linksec.messages import SpiffeId

MAX_BYTES: Final = 1024 * 1024  # 48 neighbours of as many issuers, 14 KB each with the largest keys
MAX_CERTIFICATES: Final = 3 * MAX_CHANNELS
log = logging.getLogger(__name__)


class Owners(Protocol):
    """Both methods block, and are called from the worker's thread."""

    def load(self) -> dict[Sci, Judged]:
        """What was kept last; empty where nothing was, or it cannot be read."""

    def save(self, owners: Mapping[Sci, Judged]) -> None:
        """Keep it. KernelError where that fails."""


class _Owner(msgspec.Struct, frozen=True, array_like=True):
    sci: Annotated[bytes, Meta(min_length=SCI_BYTES, max_length=SCI_BYTES)]
    peer: SpiffeId
    chain: Annotated[tuple[Annotated[int, Meta(ge=0)], ...], Meta(max_length=3)]  # places in `certificates`


class _File(msgspec.Struct, frozen=True, array_like=True):
    version: Literal[1]
    certificates: Annotated[tuple[bytes, ...], Meta(max_length=MAX_CERTIFICATES)]  # each once
    owners: Annotated[tuple[_Owner, ...], Meta(max_length=MAX_CHANNELS)]


class OwnersFile:
    """The real one. `path`: on a file system that does not outlive the kernel's state (/run)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[Sci, Judged]:
        """What was kept last; empty where nothing was, or it cannot be read."""
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            found: _File = wire.decode(data, _File, MAX_BYTES)
            return {
                Sci.unpack(one.sci): Judged(one.peer, tuple(found.certificates[at] for at in one.chain))
                for one in found.owners
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, IndexError) as error:
            log.warning("%s: %s; the channels of an earlier run are made anew", self._path, error)
            return {}

    def save(self, owners: Mapping[Sci, Judged]) -> None:
        """Keep it, whole or not at all. KernelError where that fails."""
        certificates = list(dict.fromkeys(der for one in owners.values() for der in one.chain))
        place = {der: at for at, der in enumerate(certificates)}
        kept = tuple(
            _Owner(sci.packed, one.peer, tuple(place[der] for der in one.chain))
            for sci, one in owners.items()
        )
        draft = self._path.with_name(self._path.name + ".new")
        try:
            draft.write_bytes(wire.encode(_File(1, tuple(certificates), kept)))
            draft.replace(self._path)
        except OSError as error:
            text = f"keeping whose channels are in the kernel in {self._path}: {error.strerror or error}"
            raise KernelError(text, "is its folder there and writable?") from error
